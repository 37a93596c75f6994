import type { BigQuery } from '@google-cloud/bigquery';
import { expiryOf } from '../../shared/warehouse/table-expiry.ts';
import { unfitSettings } from '../../shared/warehouse/unfit-settings.ts';
import type { BuiltText } from './compared-texts.ts';
import { DATASETS, RICHEST } from './example-shapes.ts';

/** Settings of a dataset, and of a table in it, that an advice is about. */
const UNFIT: readonly [string, { ofDataset: object; ofTable: object }][] = [
  ['a dataset that ignores case', { ofDataset: { defaultCollation: 'und:ci' }, ofTable: {} }],
  [
    'a table whose columns ignore case',
    {
      ofDataset: {},
      ofTable: { schema: { fields: [{ name: 'string_value', type: 'STRING', collation: 'und:ci' }] } },
    },
  ],
  ['a table that ignores case', { ofDataset: {}, ofTable: { defaultCollation: 'und:ci' } }],
  ['partitions that expire', { ofDataset: {}, ofTable: { timePartitioning: { expirationMs: '86400000' } } }],
];

/** The statements of advices that no test runs, since the emulator has no such settings of datasets. */
export async function advisedTexts(): Promise<BuiltText[]> {
  const texts: BuiltText[] = [];
  for (const [what, settings] of UNFIT) {
    for (const remade of [[], ['target', 'temp']] as const) {
      const planned = { shape: RICHEST, isPartitioned: true, remade };
      for (const { advice } of await unfitSettings(withSettings(settings), DATASETS, planned)) {
        const [, sql] = /^Run: ((?:[^;]+;)+)/.exec(advice) ?? [];
        if (sql === undefined) throw new Error(`no statement in the advice: ${advice}`);
        texts.push({ name: `advice for ${what}`, sql });
      }
    }
  }
  const expiry = expiryOf(`p-1.D.${RICHEST.target}`, { expirationTime: '0' });
  return [...texts, { name: 'advice for a table that expires', sql: expiry?.remedy ?? '' }];
}

/** A client whose datasets and tables all have the same settings. */
function withSettings({ ofDataset, ofTable }: { ofDataset: object; ofTable: object }): BigQuery {
  const answering = (settings: object) => ({ getMetadata: () => Promise.resolve([settings]) });
  return {
    dataset: () => ({ ...answering(ofDataset), table: () => answering(ofTable) }),
  } as unknown as BigQuery;
}
