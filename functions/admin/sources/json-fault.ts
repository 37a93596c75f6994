const SPACE = /[ \t\r\n]*/y;
const TOKEN =
  /[{}[\],:]|"(?:[^"\\\p{Cc}]|\\(?:["\\/bfnrt]|u[\dA-Fa-f]{4}))*"|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/uy;

/** What may come next. */
type State = 'value' | 'value or ]' | 'name' | 'name or }' | ':' | ', or end' | 'nothing';

const EXPECTED: Record<State, string> = {
  value: 'a value',
  'value or ]': 'a value, or a closing bracket',
  name: 'a name in double quotes (the comma before the closing brace is too much, if there is one)',
  'name or }': 'a name in double quotes, or a closing brace',
  ':': 'a colon',
  ', or end': 'a comma, or a closing bracket',
  nothing: 'nothing more',
};

/** Where and how a text differs from JSON first, in words. Null if it is JSON. */
export function jsonFault(text: string): string | null {
  const open: string[] = [];
  let state: State = 'value';
  let place = 0;
  const match = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = place;
    return pattern.exec(text)?.[0];
  };
  for (;;) {
    place += match(SPACE)?.length ?? 0;
    if (place === text.length) {
      return state === 'nothing' ? null : `The text ends too early: ${EXPECTED[state]} is missing.`;
    }
    const token = match(TOKEN);
    const next: State | null = token === undefined ? null : after(state, token, open);
    if (token === undefined || next === null) return faultAt(text, place, state);
    state = next;
    place += token.length;
  }
}

/** What may come after a token; null if the token may not come. Keeps the brackets that are open. */
function after(state: State, token: string, open: string[]): State | null {
  const ended = (): State => (open.length === 0 ? 'nothing' : ', or end');
  const close = (bracket: string): State | null => (open.pop() === bracket ? ended() : null);
  switch (state) {
    case 'value or ]':
    case 'value':
      if (token === ']' && state === 'value or ]') return close('[');
      if (token === '{' || token === '[') {
        open.push(token);
        return token === '{' ? 'name or }' : 'value or ]';
      }
      return /^[\]},:]/.test(token) ? null : ended();
    case 'name or }':
    case 'name':
      if (token === '}' && state === 'name or }') return close('{');
      return token.startsWith('"') ? ':' : null;
    case ':':
      return token === ':' ? 'value' : null;
    case ', or end':
      if (token === ',') return open.at(-1) === '{' ? 'name' : 'value';
      return token === '}' ? close('{') : token === ']' ? close('[') : null;
    case 'nothing':
      return null;
  }
}

const SHOWN = 20;

function faultAt(text: string, place: number, state: State): string {
  const lines = text.slice(0, place).split('\n');
  const found = (text.slice(place, place + SHOWN).split('\n')[0] ?? '').trimEnd();
  return `Line ${lines.length}, column ${(lines.at(-1) ?? '').length + 1}, at “${found}”: expected ${EXPECTED[state]}.`;
}
