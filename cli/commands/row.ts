import type { RowAnswer } from '../../shared/operations/row/read-row.ts';
import { ask } from '../ask.ts';
import { EXIT } from '../command-error.ts';
import { defineCommand } from '../define-command.ts';
import { formatBytes, localTime, shortTime } from '../output/amounts.ts';
import { paragraph, renderTable } from '../output/table.ts';
import { badge, bold, faint, NONE, oneLine } from '../output/text.ts';
import { show } from '../watch.ts';

export default defineCommand({
  command: 'row <view> <key>',
  describe: 'Show a row: both sides, log rows, batches',
  examples: [
    ['row pmr_project 42', 'exit code 3 if both sides differ'],
    ['row xyz_incident -- -7', 'a key that begins with a dash'],
  ],
  builder: (parser) =>
    parser
      .positional('view', { type: 'string', demandOption: true })
      .positional('key', { type: 'string', demandOption: true, describe: 'The key, as the view shows it' })
      .option('read-target', {
        type: 'boolean',
        default: false,
        describe: 'Let BigQuery read a large target, which it bills',
      }),
  run: ({ view, key, readTarget, json }, installation) =>
    show({ json }, async () => {
      const payload = { view, row: key, ...(readTarget && { readTarget }) };
      const answer = await ask<RowAnswer>(installation, payload);
      const { tone } = answer.verdict;
      return {
        answer,
        lines: () => linesOf(answer),
        ...(tone === 'bad' && { exitCode: EXIT.needsAttention }),
      };
    }),
});

function linesOf(row: RowAnswer): string[] {
  const { tone, word, meaning } = row.verdict;
  return [
    ...paragraph(`${bold(oneLine(`${row.view} ${row.key}`))} ${badge(tone, word)} ${oneLine(meaning)}`),
    ...sideLines(row),
    '',
    ...columnLines(row),
    '',
    ...logLines(row),
    '',
    ...batchLines(row),
  ];
}

function sideLines({ source, target }: RowAnswer): string[] {
  const failures = [
    ['source', source],
    ['target', target],
  ] as const;
  return [
    ...failures.flatMap(([side, part]) =>
      'error' in part
        ? [
            ...paragraph(badge('warning', oneLine(`the ${side} cannot be read: ${part.error.message}`))),
            ...paragraph(oneLine(part.error.advice), '  '),
          ]
        : [],
    ),
    ...('rows' in target && target.rows === null
      ? paragraph(
          `To find the row in the target, BigQuery reads up to ${formatBytes(target.bytes)}, which it bills: --read-target`,
        )
      : []),
    ...('deletedRows' in target && target.deletedRows > 0
      ? paragraph('The target has a row with this key that is marked as deleted, which counts as none.')
      : []),
  ];
}

function columnLines({ columns, hasValues }: RowAnswer): string[] {
  if (columns.length === 0) return ['No column was compared.'];
  const values = [
    { title: 'SOURCE', wraps: 12 },
    { title: 'TARGET', wraps: 12 },
  ];
  const rows = columns.map(({ name, type, isDifferent, source, target }) => [
    oneLine(name),
    faint(oneLine(type)),
    isDifferent === null ? NONE : isDifferent ? badge('bad', 'differs') : badge('good', 'same'),
    ...(hasValues ? [jsonText(source), jsonText(target)] : []),
  ]);
  return [
    ...renderTable(
      [{ title: 'COLUMN', wraps: 24 }, { title: 'TYPE' }, { title: 'SAME?' }, ...(hasValues ? values : [])],
      rows,
    ),
    ...(hasValues
      ? []
      : paragraph(
          faint(
            'Values of rows are not shown (ROW_VALUES). The page of the operators shows them, and datahub query reads the target with your own rights.',
          ),
        )),
  ];
}

/** JSON of a value. */
const jsonText = (json: string | null | undefined): string =>
  json === undefined ? NONE : json === null ? faint('NULL') : oneLine(json);

function logLines({ log, source }: RowAnswer): string[] {
  if ('error' in source) return [];
  if (log.length === 0) return ['The log does not name this row, as far as its rows are kept.'];
  const rows = log.map(({ id, at, action, table, fields, state, batch }) => [
    id,
    shortTime(at),
    action,
    oneLine(table),
    fields.length === 0 ? NONE : oneLine(fields.join(', ')),
    batch !== null
      ? `batch ${batch.etlTransactionId}`
      : {
          ignored: 'skipped: no tracked column',
          covered: 'covered; its batch is not kept',
          waiting: badge('busy', 'waits for a batch'),
        }[state],
  ]);
  return renderTable(
    [
      { title: 'LOG ROW', align: 'right' },
      { title: 'TIME' },
      { title: 'ACTION' },
      { title: 'TABLE', wraps: 12 },
      { title: 'FIELDS', wraps: 12 },
      { title: 'BATCH', wraps: 12 },
    ],
    rows,
  );
}

function batchLines({ writtenBy, queued }: RowAnswer): string[] {
  return [
    writtenBy === null
      ? 'No batch that is kept has written the row of the target.'
      : `Batch ${writtenBy.etlTransactionId} (${writtenBy.kind}) last wrote the row of the target, applied ${localTime(writtenBy.appliedAt)}.`,
    ...queued.map(
      ({ kind, dueAt, etlTransactionId }) =>
        `Queued to be fetched again (${kind}), due ${localTime(dueAt)}${etlTransactionId === null ? '' : `, taken by batch ${etlTransactionId}`}.`,
    ),
  ];
}
