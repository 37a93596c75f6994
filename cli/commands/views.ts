import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import type { Argv } from 'yargs';
import { todosIn } from '../../shared/model/entry-notes.ts';
import type { Finding } from '../../shared/source/inspect-server.ts';
import { type GlobalOptions, withWhy, withYes } from '../arguments.ts';
import { ask, command } from '../ask.ts';
import { callersPath } from '../callers-path.ts';
import { CommandError, EXIT, UsageError } from '../command-error.ts';
import { confirm } from '../confirm.ts';
import { defineCommand } from '../define-command.ts';
import { adviceLine } from '../output/advice.ts';
import { findingLines, sortedFindings } from '../output/findings.ts';
import { printOutcome } from '../output/outcome.ts';
import { note, print, printJson } from '../output/print.ts';
import { paragraph } from '../output/table.ts';
import { badge, bold, oneLine } from '../output/text.ts';
import { show } from '../watch.ts';
import { writeResult } from '../write-result.ts';

const exportViews = defineCommand({
  command: 'export',
  describe: 'Print all view sources as the import takes them',
  examples: [['views export --out my-views.json', 'write them to a file']],
  builder: (parser) =>
    parser.option('out', { type: 'string', requiresArg: true, describe: 'Write them to this file' }),
  run: async ({ out, json }, installation) => {
    const answer = await ask<{ import: object[] }>(installation, { export: true });
    const file = { import: answer.import };
    if (json) printJson(answer);
    else if (out === undefined) printJson(file);
    if (out !== undefined) {
      await writeResult(callersPath(out), `${JSON.stringify(file, null, 2)}\n`);
      note(`${file.import.length} view sources written to ${oneLine(out)}`);
    }
    return EXIT.done;
  },
});

type Effects = { resyncs?: string[]; effects?: { view: string; effect: string }[] };

const importViews = defineCommand({
  command: 'import <file>',
  describe: 'Create or change view sources, all in the file or none',
  examples: [
    ['views import my-views.json --dry-run', 'check the file; change nothing'],
    ['views import my-views.json --why "new view"', 'store it'],
    ['views import -', 'from standard input'],
  ],
  builder: (parser) =>
    withWhy(
      parser
        .positional('file', {
          type: 'string',
          demandOption: true,
          describe: 'A JSON file, or - for standard input',
        })
        .option('dry-run', { type: 'boolean', default: false, describe: 'Check it; change nothing' }),
    ),
  run: async ({ file, dryRun, why, json }, installation) => {
    const payload = await readPayload(file);
    if (dryRun) {
      return await show({ json }, async () => {
        const answer = await ask<{ outcome: string; ok: boolean; findings: Finding[] } & Effects>(
          installation,
          {
            ...payload,
            dryRun: true,
          },
        );
        return {
          answer,
          lines: () => [...findingLines(answer), ...effectLines(answer)],
          ...(!answer.ok && { exitCode: EXIT.needsAttention }),
        };
      });
    }
    const answer = await command<
      { outcome: string; views: string[]; warnings: Finding[]; advice?: string } & Effects
    >(installation, payload, why);
    if (json) printJson(answer);
    else {
      print([
        ...paragraph(`${badge('good', answer.outcome)}: ${answer.views.map(oneLine).join(', ')}`),
        ...effectLines(answer),
        ...(answer.warnings.length === 0 ? [] : sortedFindings(answer.warnings)),
        ...(answer.advice === undefined ? [] : paragraph(adviceLine(answer.advice))),
      ]);
    }
    return EXIT.done;
  },
});

const forgetView = defineCommand({
  command: 'forget <view>',
  describe: 'Remove a view source with its history; its tables stay',
  examples: [
    ['views forget pmr_project --dry-run', 'what would go'],
    ['views forget pmr_project', 'asks before'],
  ],
  builder: (parser) =>
    withYes(
      withWhy(
        parser.positional('view', { type: 'string', demandOption: true }).option('dry-run', {
          type: 'boolean',
          default: false,
          describe: 'Say what would go; change nothing',
        }),
      ),
    ),
  run: async ({ view, dryRun, why, yes, json }, installation) => {
    const foreseen = await ask<{ removes: Record<string, unknown> }>(installation, { view, forget: true });
    const removes = Object.entries(foreseen.removes).map(([name, count]) => `${name} ${count}`);
    const what = `This removes view source ${oneLine(view)} with its checkpoint and history (${oneLine(removes.join(', '))}). Its tables in BigQuery stay.`;
    if (dryRun) return await show({ json }, async () => ({ answer: foreseen, lines: () => paragraph(what) }));
    await confirm(view, what, { yes, on: installation });
    return printOutcome(await command(installation, { view, forget: true, confirm: view }, why), json);
  },
});

const changeLoadType = defineCommand({
  command: 'load-type <view> <type>',
  describe: 'Load a view into a new target by the other load type',
  examples: [['views load-type xyz_incident merge --target incident_2', 'asks before']],
  builder: (parser) =>
    withYes(
      withWhy(
        parser
          .positional('view', { type: 'string', demandOption: true })
          .positional('type', { choices: ['merge', 'bq-storage-api'] as const, demandOption: true })
          .option('target', {
            type: 'string',
            demandOption: true,
            requiresArg: true,
            describe: 'The name of the new target table',
          }),
      ),
    ),
  run: async ({ view, type, target, why, yes, json }, installation) => {
    await ask(installation, { status: true, view });
    await confirm(
      view,
      `The whole view ${oneLine(view)} is loaded into the new target ${oneLine(target)}, which feeds its reporting view from then on. The former target stays.`,
      { yes, on: installation },
    );
    return printOutcome(await command(installation, { view, loadType: type, target }, why), json);
  },
});

export default {
  command: 'views',
  describe: 'Export, import, forget; change load types',
  builder: (parser: Argv<GlobalOptions>) =>
    parser
      .command([exportViews, importViews, forgetView, changeLoadType] as never)
      .demandCommand(1, 'Name a command: export, import, forget or load-type.'),
  handler: () => undefined,
};

async function readPayload(path: string): Promise<Record<string, unknown>> {
  const content = await (path === '-' ? text(process.stdin) : readFile(callersPath(path), 'utf8')).catch(
    (error: Error) => {
      throw new CommandError(`The file cannot be read: ${error.message}`);
    },
  );
  let payload: unknown;
  try {
    payload = JSON.parse(content);
  } catch (error) {
    throw new CommandError(`${path} is not JSON: ${(error as Error).message}`);
  }
  const isImport =
    typeof payload === 'object' && payload !== null && !Array.isArray(payload) && 'import' in payload;
  if (!isImport) {
    throw new UsageError(
      `${path} has no view sources.`,
      'It must be an object {"import": […]}, as datahub views export writes it.',
    );
  }
  const todos = todosIn((payload as { import: unknown }).import);
  if (todos.length > 0) throw undecided(path, todos);
  return payload as Record<string, unknown>;
}

/** The import refuses them, too, in one sentence. */
const undecided = (path: string, todos: ReturnType<typeof todosIn>): CommandError =>
  new CommandError(
    [
      `${path} has todos, which must be settled and removed before it can be imported:`,
      ...todos.flatMap(({ view, todo }) => todo.map((each) => `  ${view}: ${each}`)),
    ].join('\n'),
  );

function effectLines({ resyncs = [], effects = [] }: Effects): string[] {
  return [
    ...effects.flatMap((each) => paragraph(`${bold(oneLine(each.view))} ${oneLine(each.effect)}`)),
    ...(resyncs.length === 0
      ? []
      : paragraph(`Their next batch carries the whole view: ${resyncs.map(oneLine).join(', ')}`)),
  ];
}
