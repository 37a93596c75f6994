const PLAIN = /^[\w.:-]{1,100}$/;
const SHOWN_CHARACTERS = 100;

/** A key as messages name it: numbers, uuids and the like as they are, any other text quoted, with its odd characters escaped, and cut. */
export function formatKey(key: unknown): string {
  const text = String(key);
  if (PLAIN.test(text)) return text;
  const shown = JSON.stringify(text.slice(0, SHOWN_CHARACTERS));
  return text.length > SHOWN_CHARACTERS ? `${shown}…` : shown;
}
