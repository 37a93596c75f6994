import { open } from 'node:fs/promises';
import { setTimeout as elapse } from 'node:timers/promises';
import { olderLogFile } from '../../test/local/log-file.ts';
import type { LogRequest } from '../installation.ts';
import { FRESHNESS, isAtLeast, type LogLine, parseLogLine } from '../output/log-line.ts';

const POLL_MS = 300;

/** Reads the functions' log lines from the file of `npm start` and the one before it, and follows the file from one to the next. */
export async function* readLogFile(path: string, request: LogRequest): AsyncGenerator<LogLine> {
  const older = (await readFrom(olderLogFile(path), 0))?.text ?? '';
  let place = (await readFrom(path, 0)) ?? { text: '', end: 0, file: 0 };
  const { complete, rest } = split(place.text);
  const wanted = [...split(older).complete, ...complete].flatMap((line) => matching(line, request));
  yield* request.limit === 0 ? [] : wanted.slice(-request.limit);
  let unfinished = rest;
  while (request.follow) {
    await elapse(POLL_MS);
    const next = await readFrom(path, place.end, place.file);
    if (next === null) continue;
    const read = split(next.file === place.file ? unfinished + next.text : next.text);
    yield* read.complete.flatMap((line) => matching(line, request));
    unfinished = read.rest;
    place = next;
  }
}

/** What stands in the file behind a place, or from its beginning if it is another file than before; null if there is none. */
async function readFrom(
  path: string,
  start: number,
  file?: number,
): Promise<{ text: string; end: number; file: number } | null> {
  const handle = await open(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw error;
  });
  if (handle === null) return null;
  try {
    const { ino, size } = await handle.stat();
    const from = file === undefined || file === ino ? start : 0;
    const { buffer, bytesRead } = await handle.read({
      buffer: Buffer.alloc(Math.max(size - from, 0)),
      position: from,
    });
    return { text: buffer.toString('utf8', 0, bytesRead), end: from + bytesRead, file: ino };
  } finally {
    await handle.close();
  }
}

function split(text: string): { complete: string[]; rest: string } {
  const lines = text.split('\n');
  const rest = lines.pop() ?? '';
  return { complete: lines, rest };
}

function matching(line: string, { view, level, since }: LogRequest): LogLine[] {
  const space = line.indexOf(' ');
  const parsed = parseLogLine(line.slice(0, space), line.slice(space + 1));
  const isWanted =
    isAtLeast(parsed.severity, level) &&
    (level === 'DEBUG' || parsed.message !== FRESHNESS) &&
    (view === undefined || parsed.view === view) &&
    (parsed.timestamp === null || Date.parse(parsed.timestamp) >= since.getTime());
  return isWanted ? [parsed] : [];
}
