// JSON without losing digits: a number that JavaScript would round is kept as the text that
// arrived, where the browser can (JSON.rawJSON), and rounded where it cannot.

export function parse(text) {
  if (!JSON.rawJSON) return JSON.parse(text);
  return JSON.parse(text, (_, value, context) => {
    if (typeof value !== 'number' || String(value) === context?.source) return value;
    return context?.source ? JSON.rawJSON(context.source) : value;
  });
}

export function format(value) {
  return JSON.stringify(value);
}
