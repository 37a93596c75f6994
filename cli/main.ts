import yargs, { type Argv } from 'yargs';
import { hideBin } from 'yargs/helpers';
import { onClosedOutput } from '../test/support/closed-output.ts';
import { type GlobalOptions, withGlobalOptions } from './arguments.ts';
import { EXIT, UsageError } from './command-error.ts';
import { viewCompletion } from './complete-views.ts';
import { explain } from './explain.ts';

const USAGE = `Usage: $0 <command> [options]

Watches and operates SMart DataHub: the running npm start, or the cloud, which\n--project and --region name.`;
const EPILOGUE = `Exit code: 0 done, 1 failed, 2 invalid command line, 3 something needs attention.
Examples: $0 <command> --help`;

// A reader that has seen enough, such as head, is no reason for a stack trace.
onClosedOutput(() => process.exit(EXIT.failed));

/** The file of a command. */
type Module = { default: unknown };

/** Runs the command that the command line names, and exits with its exit code. */
export async function main(modules: readonly Module[]): Promise<void> {
  const args = withShell(hideBin(process.argv));
  const exitCode = await run(args, modules).catch((error: unknown) =>
    explain(error, { json: args.includes('--json') }),
  );
  // Exits after all output is written, without waiting for connections that are kept open.
  process.stdout.write('', (error) => process.exit(error ? EXIT.failed : exitCode));
}

async function run(args: string[], modules: readonly Module[]): Promise<number> {
  const parser = modules.reduce<Argv<GlobalOptions>>(
    (parsing, { default: module }) => parsing.command(module as never),
    withGlobalOptions(yargs(args).scriptName('datahub').locale('en')),
  );
  await parser
    .usage(USAGE)
    .epilogue(EPILOGUE)
    .completion('completion', 'Print the completion for bash or zsh', (await viewCompletion(args)) as never)
    .demandCommand(1, 'Name a command.')
    .recommendCommands()
    .strict()
    .strictCommands()
    .alias('h', 'help')
    .version(false)
    .wrap(Math.min(process.stdout.columns ?? 80, 100))
    .exitProcess(false)
    .fail((message, error) => {
      // Some faults of a command line, such as an option without its value, are errors of yargs; all others are a command's own.
      if (error !== undefined && error.name !== 'YError') throw error;
      throw new UsageError(
        error?.message ?? message,
        'datahub --help lists the commands, and datahub <command> --help its options.',
      );
    })
    .parseAsync();
  return Number(process.exitCode ?? EXIT.done);
}

/** yargs writes the completion script for the shell of whoever calls. The command may name another one. */
function withShell(given: string[]): string[] {
  const [command, shell] = given;
  if (command !== 'completion' || (shell !== 'bash' && shell !== 'zsh')) return given;
  process.env.SHELL = shell;
  return [command];
}
