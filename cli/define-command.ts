import type { ArgumentsCamelCase, Argv, CommandModule } from 'yargs';
import type { GlobalOptions } from './arguments.ts';
import { EXIT, type ExitCode } from './command-error.ts';
import { connect } from './connection/connect.ts';
import type { Installation } from './installation.ts';

/** A command of the command line. */
export type CommandDefinition<Options> = {
  /** Its name with its positional arguments, as yargs writes them. */
  command: string;
  describe: string;
  /** Each with what it does. */
  examples: readonly (readonly [command: string, meaning: string])[];
  builder: (parser: Argv<GlobalOptions>) => Argv<Options>;
  /** Does it and prints the result. Throws `CommandError`. */
  run: (options: ArgumentsCamelCase<Options>, installation: Installation) => Promise<ExitCode | undefined>;
};

/** Makes a module for yargs that connects to the installation, runs the command and sets the exit code. */
export function defineCommand<Options extends GlobalOptions>({
  command,
  describe,
  examples,
  builder,
  run,
}: CommandDefinition<Options>): CommandModule<GlobalOptions, Options> {
  return {
    command,
    describe,
    builder: (parser) => {
      for (const [example, meaning] of examples) parser.example(`$0 ${example}`, meaning);
      return builder(parser);
    },
    handler: async (options) => {
      process.exitCode = (await run(options, await connect(options, process.env))) ?? EXIT.done;
    },
  };
}
