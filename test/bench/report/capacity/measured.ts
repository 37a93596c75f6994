import { z } from 'zod';
import type { Recorded } from '../../record.ts';
import { type CaseFigures, caseOf, comparedIn, recordsOf } from '../figures.ts';

/** What the model of capacity takes from recorded runs. Seconds are CPU seconds, so that other work on the machine matters little. */
export type MeasuredCosts = {
  /** Of the function and of PostgreSQL, for each row of a whole view. */
  functionSecondsPerRow: number;
  serverSecondsPerRow: number;
  /** Of the function, for a batch without rows in a new process. */
  functionSecondsPerBatch: number;
  stagedBytesPerRow: number;
  /** Of the function that streams. */
  streamSecondsPerRow: number;
  /** Of PostgreSQL, for each new log row of any view that one capture of one view reads. */
  serverSecondsPerLogRow: number;
  extractPeakMb: number;
  streamPeakMb: number;
};

const othersRead = z.object({ rows: z.number(), server_cpu_seconds: z.number() });

/** Null unless all that it needs is recorded: extractions of two sizes, a stream and a capture, on a system that tells the CPU. */
export function measuredCosts(records: readonly Recorded[]): MeasuredCosts | null {
  const extractions = recordsOf(records, 'extract');
  const [small, large] = [extractions[0], extractions.at(-1)].map((record) => caseIn(record, 'extract'));
  const stream = caseIn(recordsOf(records, 'stream').at(-1), 'stream');
  const read = othersRead.safeParse(recordsOf(records, 'capture').at(-1)?.result.log_rows_of_others).data;
  const stagedBytes = Number(extractions.at(-1)?.result.staged_bytes);
  if (small == null || large == null || stream == null || read === undefined) return null;
  const rows = large.rows - small.rows;
  if (rows === 0 || Number.isNaN(stagedBytes)) return null;
  const functionSecondsPerRow = (large.cpu - small.cpu) / rows;
  return {
    functionSecondsPerRow,
    serverSecondsPerRow: (large.serverCpu - small.serverCpu) / rows,
    functionSecondsPerBatch: small.cpu - small.rows * functionSecondsPerRow,
    stagedBytesPerRow: stagedBytes / large.rows,
    streamSecondsPerRow: stream.cpu / stream.rows,
    serverSecondsPerLogRow: read.server_cpu_seconds / read.rows,
    extractPeakMb: large.peakMb,
    streamPeakMb: stream.peakMb,
  };
}

function caseIn(record: Recorded | undefined, name: string) {
  const compared = record === undefined ? null : comparedIn(record);
  if (compared?.rows === undefined) return null;
  const found: CaseFigures = caseOf(compared, name);
  if (found.cpu_seconds === null) return null;
  return {
    rows: compared.rows,
    cpu: found.cpu_seconds,
    serverCpu: found.server_cpu_seconds ?? 0,
    peakMb: found.peak_rss_mb ?? 0,
  };
}
