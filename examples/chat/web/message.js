// What is said in the room, as README.md has it.

// Those that cannot run script; all else is a file.
export const imageTypes = ['image/png', 'image/jpeg', 'image/gif', 'image/webp'];

// How large an image may be to be one message, in bytes: its header has room beside it.
export const maxImage = 255 * 1024;

// packImage puts the sender in front of an image: 4 bytes that say how long the header is, the
// header, the bytes.
export function packImage(header, bytes) {
  const text = new TextEncoder().encode(JSON.stringify(header));
  const packed = new Uint8Array(4 + text.length + bytes.length);
  new DataView(packed.buffer).setUint32(0, text.length);
  packed.set(text, 4);
  packed.set(bytes, 4 + text.length);
  return packed;
}

// unpackImage throws if there is no header.
export function unpackImage(packed) {
  const length = new DataView(packed.buffer, packed.byteOffset, packed.length).getUint32(0);
  const header = JSON.parse(new TextDecoder().decode(packed.subarray(4, 4 + length)));
  return { header, bytes: packed.subarray(4 + length) };
}

export function amount(bytes) {
  if (bytes < 1024) return `${bytes} B`;
  const unit = Math.min(Math.floor(Math.log2(bytes) / 10), 3);
  return `${(bytes / 1024 ** unit).toFixed(1)} ${['B', 'KiB', 'MiB', 'GiB'][unit]}`;
}
