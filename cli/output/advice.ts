import { oneLine } from './text.ts';

/** Advice of a function as one line. It names payloads, in whose place this has the commands that send them. */
export const adviceLine = (advice: string): string =>
  oneLine(
    advice.replaceAll(PAYLOAD, (written, verb: string | undefined, payload: string) => {
      const found = commandOf(payload);
      if (found === null) return written;
      return verb === undefined ? found : `${/^[A-Z]/.test(verb) ? 'Run' : 'run'} ${found}`;
    }),
  );

const PAYLOAD = /(?:\b(send|call) )?(\{"[^{}]*\})/gi;
/** A name that a shell takes for one word. */
const WORD = /^\w+$/;

/** The command for a view, by the fields of its payload. */
const OF_VIEW: Record<string, string> = {
  '': 'run',
  'acceptDeletes resync': 'resync --accept-deletes',
  forget: 'views forget',
  'reconcile repair': 'reconcile --repair',
  reconcile: 'reconcile',
  redrive: 'redrive',
  resume: 'resume',
  resync: 'resync',
  run: 'run',
};
const OF_ALL = ['status', 'check', 'reconcile'];

/** The command that sends a payload; null if there is none. */
function commandOf(json: string): string | null {
  const payload = parsed(json);
  if (payload === null) return null;
  const { view, ...rest } = payload;
  const fields = Object.keys(rest).toSorted();
  if (!fields.every((field) => rest[field] === true)) return null;
  const name = fields.join(' ');
  if (view === undefined) return OF_ALL.includes(name) ? `datahub ${name}` : null;
  const known = OF_VIEW[name];
  return known === undefined || typeof view !== 'string' || !WORD.test(view)
    ? null
    : `datahub ${known.replace(/( --|$)/, ` ${view}$1`)}`;
}

function parsed(json: string): Record<string, unknown> | null {
  try {
    return JSON.parse(json);
  } catch {
    return null;
  }
}
