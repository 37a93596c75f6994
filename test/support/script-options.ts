import { type ParseArgsOptionsConfig, parseArgs } from 'node:util';

/** Reads the options of a script whose values are whole numbers. A wrong one ends the script with exit code 2, the reason and the usage. */
export function createOptions(usage: string) {
  function refuse(problem: string): never {
    console.error(`${problem}\n${usage}`);
    process.exit(2);
  }

  return {
    /** The values of the options, as texts. */
    read<const Options extends ParseArgsOptionsConfig>(options: Options) {
      try {
        return parseArgs({ options }).values;
      } catch (error) {
        return refuse((error as Error).message);
      }
    },

    wholeNumber(name: string, text: string, max: number): number {
      if (!/^\d{1,9}$/.test(text) || Number(text) < 1 || Number(text) > max)
        refuse(`--${name} must be a whole number from 1 to ${max}, not ${text}`);
      return Number(text);
    },
  };
}
