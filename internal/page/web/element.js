// element makes an element with attributes (undefined: left out), a text and children.
export function element(tag, { text, ...attributes } = {}, ...children) {
  const e = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== undefined) e.setAttribute(name, value);
  }
  if (text !== undefined) e.textContent = text;
  e.append(...children);
  return e;
}
