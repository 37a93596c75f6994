import { CommandError, EXIT, UsageError } from '../command-error.ts';
import { defineCommand } from '../define-command.ts';
import { formatBytes, formatCount } from '../output/amounts.ts';
import { naturalWidth, paragraph, renderTable, terminalWidth } from '../output/table.ts';
import { bold, faint, oneLine } from '../output/text.ts';
import type { QueryResult } from '../query-result.ts';
import { show } from '../watch.ts';

export default defineCommand({
  command: 'query <sql>',
  describe: 'Run a SELECT on BigQuery or the source',
  examples: [
    ["query 'select count(*) from project'", 'tables without a dataset are targets'],
    [
      "query 'select * from View_SMartData.view_project' -n 10",
      'with your own rights, at the cost of the project',
    ],
    ["query --source 'select * from pmr_project' --json", 'the source, as its reader role'],
  ],
  builder: (parser) =>
    parser
      .positional('sql', { type: 'string', demandOption: true })
      .option('source', { type: 'boolean', describe: 'Ask the source; only on a laptop' })
      .option('dataset', { type: 'string', requiresArg: true, describe: 'The dataset of tables without one' })
      .option('limit', {
        alias: 'n',
        type: 'number',
        default: 100,
        requiresArg: true,
        describe: 'Rows, at most',
      })
      .option('max-bytes', {
        type: 'string',
        requiresArg: true,
        defaultDescription: '10GB',
        describe: 'Fail if BigQuery would read more, such as 500MB or 2TB',
      })
      .conflicts('source', ['dataset', 'max-bytes']),
  run: ({ sql, source, dataset, limit, maxBytes, json }, installation) =>
    show({ json }, async () => {
      if (!Number.isInteger(limit) || limit < 1 || limit > 100_000) {
        throw new UsageError('--limit must be a whole number from 1 to 100000.');
      }
      if (sql.trim() === '') throw new UsageError('The SQL is empty.');
      let result: QueryResult;
      if (source) {
        if (installation.source === null) {
          throw new CommandError('--source works only for the running npm start.', {
            advice: 'In the cloud, ask the source database by a client of its own.',
          });
        }
        const { querySource } = await import('../query-source.ts');
        result = await querySource(installation.source, sql, limit);
      } else {
        const { queryWarehouse } = await import('../query-warehouse.ts');
        const { bigquery, targetDataset } = await installation.openWarehouse();
        const options = { dataset: dataset ?? targetDataset, limit, maxBytes: bytesOf(maxBytes ?? '10GB') };
        result = await queryWarehouse(bigquery, sql, options);
      }
      return { answer: asObjects(result), lines: () => linesOf(result), exitCode: EXIT.done };
    }),
});

const UNITS = { '': 1n, KB: 10n ** 3n, MB: 10n ** 6n, GB: 10n ** 9n, TB: 10n ** 12n };

function bytesOf(text: string): bigint {
  const [, number, unit = ''] = /^(\d{1,15}) ?([KMGT]?B)?$/i.exec(text) ?? [];
  if (number === undefined)
    throw new UsageError('--max-bytes must be a size such as 10GB, or a number of bytes.');
  return BigInt(number) * UNITS[unit.toUpperCase().replace(/^B$/, '') as keyof typeof UNITS];
}

/** The rows as scripts read them. Of columns with the same name, the later ones get a number. */
function asObjects({ columns, rows, hasMore, bytes }: QueryResult) {
  const names = columns.map(({ name }, index) => {
    const before = columns.slice(0, index).filter((column) => column.name === name).length;
    return before === 0 ? name : `${name}_${before + 1}`;
  });
  return {
    columns: columns.map(({ type }, index) => ({ name: names[index], type })),
    rows: rows.map((row) => Object.fromEntries(row.map((value, index) => [names[index], value]))),
    hasMore,
    bytes,
  };
}

const NUMERIC =
  /^(smallint|integer|bigint|numeric|real|double precision|INTEGER|INT64|FLOAT|FLOAT64|NUMERIC|BIGNUMERIC)$/;

function linesOf({ columns, rows, hasMore, bytes }: QueryResult): string[] {
  const cells = rows.map((row) => row.map((value) => (value === null ? faint('NULL') : oneLine(value))));
  const heads = columns.map(({ name, type }) => ({
    title: oneLine(name),
    ...(NUMERIC.test(type) && { align: 'right' as const }),
  }));
  const isWide = naturalWidth(heads, cells) > terminalWidth();
  const read = bytes === null ? '' : `; BigQuery read ${formatBytes(bytes)}`;
  return [
    ...(isWide ? records(heads, cells) : renderTable(heads, cells)),
    faint(
      `${formatCount(rows.length, 'row', 'rows')}${hasMore ? ', and there are more (--limit)' : ''}${read}`,
    ),
  ];
}

/** One line per value, for rows that are wider than the terminal. */
function records(heads: readonly { title: string }[], rows: readonly (readonly string[])[]): string[] {
  return rows.flatMap((row, index) => [
    bold(`row ${index + 1}`),
    ...row.flatMap((value, column) => paragraph(`${faint(heads[column]?.title ?? '')} ${value}`, '  ')),
  ]);
}
