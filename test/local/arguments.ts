import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

export interface Arguments {
  /** Load, change, catch up, compare and end; otherwise run until stopped. */
  once: boolean;
  /** Of SMartApp's production sizes. */
  scale: number;
  /** Row changes that the burst of a `once` run commits. */
  changes: number;
  /** Row changes per second that the workload commits while a run goes on. */
  rate: number;
  /** Of the sample data and the workload; undefined: data that are always the same, changes that are not. */
  seed: number | undefined;
  json: boolean;
  /** The view whose target is spoilt before the comparison. */
  corrupt: string | undefined;
  /** Shows the functions' log lines as they are. */
  verbose: boolean;
  /** Whether every function listens for a debugger. */
  inspect: boolean;
  dataFolder: string;
}

/** The command line makes no sense; the message says why. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** Git-ignored; below the project folder, wherever the command is typed. */
export const DEFAULT_DATA_FOLDER = fileURLToPath(new URL('../../.data', import.meta.url));

export const USAGE = `Usage: npm start [-- options]

Runs the whole pipeline on this machine until Ctrl-C; data are kept in .data and found again by the next run.

  --once            load, change, catch up, compare every row and column, and end: 0 if source and target are equal
  --rate <x>        without --once: row changes per second of SMartApp's users (default 5; 0: only yours)
  --changes <n>     with --once: row changes of the burst (default 2000)
  --json            with --once: the result as one JSON object in the last line
  --corrupt <view>  with --once: change one value of that view's target before the comparison
  --scale <x>       times the production sizes of the sample data (default 1)
  --seed <n>        another number makes other sample data and other changes
  --data <folder>   keep the data there
  --verbose         show the functions' log lines as they are
  --inspect         let a debugger attach to each function, and give it an hour for each call`;

const ONLY_WITH_ONCE = ['changes', 'json', 'corrupt'] as const;

/** Reads the command line; undefined when it asks for help. Throws UsageError. */
export function parseArguments(args: string[]): Arguments | undefined {
  const values = parse(args);
  if (values.help) return undefined;
  const misplaced = ONLY_WITH_ONCE.filter((name) => values[name] !== undefined);
  if (!values.once && misplaced.length > 0) throw new UsageError(`--${misplaced[0]} needs --once`);
  if (values.once && values.rate !== undefined) throw new UsageError('--rate makes no sense with --once');
  return {
    once: values.once ?? false,
    scale: numberUpTo1000('scale', values.scale, 'above 0') ?? 1,
    changes: wholeNumber('changes', values.changes) ?? 2000,
    rate: numberUpTo1000('rate', values.rate, 'from 0') ?? 5,
    seed: wholeNumber('seed', values.seed),
    json: values.json ?? false,
    corrupt: values.corrupt,
    verbose: values.verbose ?? false,
    inspect: values.inspect ?? false,
    dataFolder: resolve(values.data ?? DEFAULT_DATA_FOLDER),
  };
}

function parse(args: string[]) {
  try {
    return parseArgs({
      args,
      options: {
        once: { type: 'boolean' },
        changes: { type: 'string' },
        rate: { type: 'string' },
        json: { type: 'boolean' },
        corrupt: { type: 'string' },
        scale: { type: 'string' },
        seed: { type: 'string' },
        data: { type: 'string' },
        verbose: { type: 'boolean' },
        inspect: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    }).values;
  } catch (cause) {
    throw new UsageError(cause instanceof Error ? cause.message : String(cause), { cause });
  }
}

function numberUpTo1000(
  name: string,
  text: string | undefined,
  lowest: 'above 0' | 'from 0',
): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  const isHighEnough = lowest === 'from 0' ? value >= 0 : value > 0;
  if (text.trim() !== '' && isHighEnough && value <= 1000) return value;
  throw new UsageError(`--${name} must be a number ${lowest} and at most 1000, not ${JSON.stringify(text)}`);
}

function wholeNumber(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new UsageError(`--${name} must be a whole number below 1,000,000,000, not ${JSON.stringify(text)}`);
}
