import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

export interface Arguments {
  /** True: load, change rows, catch up, compare and exit. False: run until stopped. */
  once: boolean;
  /** With `once`: keep everything running after the comparison, until stopped. */
  keep: boolean;
  /** The file of view sources that are imported. Undefined: SMartApp's, or those that the data folder has. */
  views: string | undefined;
  /** Size of the sample data, as a multiple of SMartApp's production sizes. */
  scale: number;
  /** Row changes that the workload commits in a `--once` run. */
  changes: number;
  /** Row changes per second that the workload commits without `--once`. */
  rate: number;
  /** Seed of the sample data and of the workload. Undefined: the same data every time, but different changes. */
  seed: number | undefined;
  json: boolean;
  /** The view whose target is corrupted before the comparison. */
  corrupt: string | undefined;
  /** Prints the functions' log lines unformatted. */
  verbose: boolean;
  /** Lets a debugger attach to each function. */
  inspect: boolean;
  dataFolder: string;
}

/** The command line is invalid; the message says why. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** A file that the command line names is invalid; the message says why. */
export class InputFileError extends Error {
  override readonly name = 'InputFileError';
}

/** Git-ignored; in the project folder, whatever the current directory. */
export const DEFAULT_DATA_FOLDER = fileURLToPath(new URL('../../.data', import.meta.url));

export const USAGE = `Usage: npm start [-- options]

Runs the whole pipeline on this machine until Ctrl-C. The data stay in .data, and the next run continues with them.
With SOURCE_DATABASE_URL=postgresql://reader:password@host:port/database it reads that database, and never writes to it.

  --views <file>    the view sources to import (docs/configuration.md#view-sources); without it those of SMartApp, the sample application
  --once            load, change rows, catch up, reconcile, compare every row and column, and exit: 0 if both sides are equal
  --keep            with --once: keep everything running after the comparison, until Ctrl-C, to look at the data
  --rate <x>        without --once: simulated row changes per second in SMartApp (default 5; 0 makes none)
  --changes <n>     with --once: number of simulated row changes (default 2000)
  --json            with --once: print the result as one JSON object in the last line
  --corrupt <view>  with --once: change one value in that view's target before the comparison, which must find it
  --scale <x>       size of the sample data, as a multiple of the production sizes (default 1)
  --seed <n>        seed for the sample data and the changes
  --data <folder>   keep the data in this folder
  --verbose         print the functions' log lines unformatted, as JSON
  --inspect         let a debugger attach to each function, and allow each call an hour
  --help, -h        print this text

Exit codes of --once: 0 both sides are equal; 1 they differ, or something failed; 2 the command line or the file of views is invalid;
3 no difference, but not every column could be compared: the lines before the table name them; 130 stopped.
NO_COLOR=1 leaves out the colours.`;

const ONLY_WITH_ONCE = ['changes', 'json', 'corrupt', 'keep'] as const;

/** Parses the command line; undefined if it asks for help. Throws UsageError. */
export function parseArguments(args: string[]): Arguments | undefined {
  const values = parse(args);
  if (values.help) return undefined;
  const misplaced = ONLY_WITH_ONCE.filter((name) => values[name] !== undefined);
  if (!values.once && misplaced.length > 0) throw new UsageError(`--${misplaced[0]} needs --once`);
  if (values.once && values.rate !== undefined) throw new UsageError('--rate cannot be used with --once');
  // The result is the last line of the output, and with --keep there is no last one yet.
  if (values.keep && values.json) throw new UsageError('--keep cannot be used with --json');
  return {
    once: values.once ?? false,
    keep: values.keep ?? false,
    views: viewsFileOf(values.views),
    scale: numberUpTo1000('scale', values.scale, 'above 0') ?? 1,
    changes: wholeNumber('changes', values.changes) ?? 2000,
    rate: numberUpTo1000('rate', values.rate, 'at least 0') ?? 5,
    seed: wholeNumber('seed', values.seed),
    json: values.json ?? false,
    corrupt: values.corrupt,
    verbose: values.verbose ?? false,
    inspect: values.inspect ?? false,
    dataFolder: dataFolderOf(values.data),
  };
}

/** The absolute path of the option `--data`. */
export function dataFolderOf(option: string | undefined): string {
  if (option?.trim() === '') throw new UsageError('--data must name a folder, not ""');
  return resolve(option ?? DEFAULT_DATA_FOLDER);
}

function viewsFileOf(option: string | undefined): string | undefined {
  if (option?.trim() === '') throw new UsageError('--views must name a file, not ""');
  return option;
}

function parse(args: string[]) {
  try {
    return parseArgs({
      args,
      options: {
        once: { type: 'boolean' },
        keep: { type: 'boolean' },
        views: { type: 'string' },
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
  lowerBound: 'above 0' | 'at least 0',
): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  const isHighEnough = lowerBound === 'at least 0' ? value >= 0 : value > 0;
  if (text.trim() !== '' && isHighEnough && value <= 1000) return value;
  throw new UsageError(
    `--${name} must be a number ${lowerBound} and at most 1000, not ${JSON.stringify(text)}`,
  );
}

function wholeNumber(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new UsageError(`--${name} must be a whole number below 1,000,000,000, not ${JSON.stringify(text)}`);
}

/** The command that calls a function of the `npm start` on this data folder. */
export const exampleCall = (dataFolder: string): string =>
  `npm run call -- extract '{"dryRun":true}'${dataOption(dataFolder)}`;

/** What a command needs to find the `npm start` on this data folder: ` --data <folder>`, or nothing for the default one. */
export const dataOption = (dataFolder: string): string =>
  dataFolder === resolve(DEFAULT_DATA_FOLDER) ? '' : ` --data ${dataFolder}`;
