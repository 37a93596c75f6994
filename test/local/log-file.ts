import { appendFileSync, renameSync, statSync } from 'node:fs';

const MAX_BYTES = 8_000_000;

/** Keeps what the functions log, for `npm run datahub -- logs`: `<function> <line>` per line, in two files of at most 8 MB each. */
export interface LogFile {
  path: string;
  append: (functionName: string, line: string) => void;
}

/** The file before it, with the older lines. */
export const olderLogFile = (path: string): string => `${path}.1`;

/** Goes on with the file of an earlier run. A line that cannot be written is lost: the stack must not fail for it. */
export function openLogFile(path: string): LogFile {
  let bytes = sizeOf(path);
  return {
    path,
    append: (functionName, line) => {
      const text = `${functionName} ${line}\n`;
      try {
        if (bytes + text.length > MAX_BYTES) {
          renameSync(path, olderLogFile(path));
          bytes = 0;
        }
        appendFileSync(path, text, { mode: 0o600 });
        bytes += Buffer.byteLength(text);
      } catch {
        // The terminal shows it, too.
      }
    },
  };
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}
