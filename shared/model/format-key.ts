const PLAIN = /^[\w.:-]{1,100}$/;
const SHOWN_CHARACTERS = 100;

/** Formats a key for messages: numbers, UUIDs and similar keys unchanged; any other text quoted, escaped and cut after 100 characters. */
export function formatKey(key: unknown): string {
  const text = String(key);
  if (PLAIN.test(text)) return text;
  const shown = JSON.stringify(text.slice(0, SHOWN_CHARACTERS));
  return text.length > SHOWN_CHARACTERS ? `${shown}…` : shown;
}
