import { type ParseArgsConfig, type ParseArgsOptionsConfig, parseArgs } from 'node:util';
import { onClosedOutput } from './closed-output.ts';

const HELP = { help: { type: 'boolean', short: 'h' } } as const;

/**
 * A signal's own effect would end a script without its event `exit`, on which the servers that it started are stopped. The codes are those of
 * a shell.
 */
const EXIT_CODES = [
  ['SIGHUP', 129],
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const;

/**
 * Reads the options of a script. `--help` prints the usage and ends the script with exit code 0. Anything wrong ends it with exit code 2,
 * the reason and the usage. A closed output or a signal ends it, too, with what it has started.
 */
export function createOptions(usage: string) {
  onClosedOutput(() => process.exit(1));
  for (const [signal, code] of EXIT_CODES) process.once(signal, () => process.exit(code));

  function refuse(problem: string): never {
    console.error(`${problem}\n${usage}`);
    process.exit(2);
  }

  function parse<const Options extends ParseArgsOptionsConfig>(
    options: Options,
    config: Pick<ParseArgsConfig, 'allowPositionals'> = {},
  ) {
    try {
      const parsed = parseArgs({ ...config, options: { ...options, ...HELP } });
      const { help } = parsed.values as { help?: boolean };
      if (!help) return parsed;
    } catch (error) {
      return refuse((error as Error).message);
    }
    console.log(usage);
    process.exit(0);
  }

  return {
    refuse,
    parse,

    /** The values of the options, as texts. */
    read<const Options extends ParseArgsOptionsConfig>(options: Options) {
      return parse(options).values;
    },

    wholeNumber(name: string, text: string, max: number): number {
      if (!/^\d{1,9}$/.test(text) || Number(text) < 1 || Number(text) > max)
        refuse(`--${name} must be a whole number from 1 to ${max}, not ${text}`);
      return Number(text);
    },
  };
}
