import { EXIT, UsageError } from '../command-error.ts';
import { defineCommand } from '../define-command.ts';
import { formatLogLine } from '../output/log-line.ts';
import { print, printJson } from '../output/print.ts';
import { timeArgument } from '../time-argument.ts';

const MAX_LINES = 100_000;
const LEVELS = { debug: 'DEBUG', info: 'INFO', warning: 'WARNING', error: 'ERROR' } as const;

export default defineCommand({
  command: 'logs [view]',
  describe: 'Show what the functions log',
  examples: [
    ['logs --follow', 'the latest lines, and new ones until Ctrl-C'],
    ['logs pmr_project --level warning --since 7d', 'warnings and errors of one view within a week'],
  ],
  builder: (parser) =>
    parser
      .positional('view', { type: 'string' })
      .option('view', { type: 'string', describe: 'Only lines about this view' })
      .option('level', {
        choices: Object.keys(LEVELS) as (keyof typeof LEVELS)[],
        default: 'info' as const,
        describe: 'The lowest level; debug adds what every tick logs',
      })
      .option('since', {
        type: 'string',
        default: '1d',
        requiresArg: true,
        describe: 'A time, or a span such as 2h',
      })
      .option('limit', {
        alias: 'n',
        type: 'number',
        default: 50,
        requiresArg: true,
        describe: 'The newest lines, at most',
      })
      .check(({ limit }) => {
        if (Number.isInteger(limit) && limit >= 0 && limit <= MAX_LINES) return true;
        throw new UsageError(`--limit must be a whole number from 0 to ${MAX_LINES}.`);
      })
      .option('follow', {
        alias: 'f',
        type: 'boolean',
        default: false,
        describe: 'Go on with new lines, until Ctrl-C',
      }),
  run: async ({ view, level, since, limit, follow, json }, installation) => {
    const request = {
      view,
      level: LEVELS[level],
      since: timeArgument('since', since, 'before now'),
      limit,
      follow,
    };
    for await (const line of installation.logs(request)) {
      if (json) printJson(line, { isLine: true });
      else print(formatLogLine(line));
    }
    return EXIT.done;
  },
});
