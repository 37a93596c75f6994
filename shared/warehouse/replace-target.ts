import type { TableMetadata } from '@google-cloud/bigquery';
import type { Deadline } from '../deadline.ts';
import { DataHubError } from '../errors.ts';
import type { Column, TableShape } from '../model/columns.ts';
import type { BigQueryAccess } from './bigquery-access.ts';
import { columnOf, type TableField } from './columns-match.ts';
import { firstFreeJob } from './find-job.ts';
import { fieldsOf, patchTable, readMetadata } from './found-table.ts';
import { objectNames } from './names.ts';
import { type PolicyTags, retagged } from './policy-tags.ts';
import { dropReplacementSql, newTargetSql, renameSql, replacementName, swapSql } from './replacement-sql.ts';
import { runJob } from './run-job.ts';
import type { Layout } from './tables-sql.ts';

/** What a new target of a view must be like. */
export type NewTarget = {
  shape: TableShape;
  layout: Layout;
  tags: PolicyTags;
  /** The columns of the target that the view does not have any more; they stay. */
  dropped: readonly Column[];
};

/** The settings that operators may have changed, and that a new target keeps, besides those of its columns. */
const KEPT = ['description', 'friendlyName', 'labels', 'maxStaleness', 'resourceTags'] as const;

/**
 * Makes new targets. The target keeps its rows until the new table has them; between two statements of one script, there is neither under
 * the name of the target. Nothing runs twice at once: the jobs of a view have one sequence of ids, and the next one starts only after all
 * before have ended, whoever started them. After a crash, `finish` goes on where the script ended.
 */
export function createTargetReplacement({ openBigQuery, datasets, nameOf }: BigQueryAccess) {
  /** Puts a new table, with the rows of the target, in its place. Throws `transient` while a job of an earlier call runs. */
  async function replaceTarget(wanted: NewTarget, deadline: Deadline): Promise<void> {
    const { shape, layout, dropped } = wanted;
    const create = await nextJob(shape, deadline);
    // Read after the jobs of earlier calls have ended.
    const before = await readMetadata(await openBigQuery(), objectNames(datasets, shape).target);
    if (before === null) throw changedMeanwhile(shape);
    await create(newTargetSql(datasets, shape, layout, dropped));
    const swap = await nextJob(shape, deadline);
    await keepSettings(wanted, before);
    const found = fieldsOf(before).map(columnOf);
    await swap(swapSql(datasets, shape, dropped, found));
  }

  /**
   * For a view without a complete batch: gives a new table the name of the target that it was to replace, or removes it if there is a target.
   * Returns whether there was one.
   */
  async function finishReplacement(shape: TableShape, deadline: Deadline): Promise<boolean> {
    const names = objectNames(datasets, shape);
    if ((await readMetadata(await openBigQuery(), replacementName(names.target))) === null) return false;
    const finish = await nextJob(shape, deadline);
    const [replacement, target] = [
      await readMetadata(await openBigQuery(), replacementName(names.target)),
      await readMetadata(await openBigQuery(), names.target),
    ];
    if (replacement === null) return true;
    await finish(target === null ? renameSql(datasets, shape) : dropReplacementSql(datasets, shape));
    return true;
  }

  return { replaceTarget, finishReplacement };

  /** Returns how to run the next job of the view's sequence. Its id is taken once: of two processes, one fails. */
  async function nextJob({ view }: TableShape, deadline: Deadline) {
    const bigquery = await openBigQuery();
    const specOf = (attempt: number) => ({
      id: nameOf('target', view, String(attempt)),
      labels: { view, step: 'target' },
      context: { view },
    });
    const spec = specOf(await firstFreeJob(bigquery, specOf));
    return async (query: string): Promise<void> => {
      const outcome = await runJob(
        bigquery,
        { ...spec, configuration: { query: { query, useLegacySql: false } } },
        deadline,
      );
      if (outcome.state === 'failed') throw outcome.error;
      if (outcome.state === 'running' || outcome.existed) {
        throw new DataHubError('transient', `job ${spec.id} is still running, or another call started it`, {
          context: spec.context,
        });
      }
    };
  }

  /** The new table gets what operators have set on the one before, and its policy tags, before it has rows. */
  async function keepSettings({ shape, tags }: NewTarget, before: TableMetadata): Promise<void> {
    const name = replacementName(objectNames(datasets, shape).target);
    const created = await readMetadata(await openBigQuery(), name);
    if (created === null) throw changedMeanwhile(shape);
    const known = new Map(fieldsOf(before).map((field) => [field.name, field]));
    const fields = fieldsOf(created).map((field) => ({
      ...field,
      ...keptOf(known.get(field.name)),
    }));
    const settings = {
      ...Object.fromEntries(KEPT.flatMap((key) => (before[key] === undefined ? [] : [[key, before[key]]]))),
      // The dataset may have an expiration for new tables.
      expirationTime: before.expirationTime ?? null,
      ...partitionSettings(before, created),
      schema: { fields: retagged(fields, tags) ?? fields },
    };
    await patchTable(await openBigQuery(), name, settings);
  }
}

/** The expiration and the required filter of partitions, if the new table has partitions, too. */
function partitionSettings(before: TableMetadata, created: TableMetadata): TableMetadata {
  const { timePartitioning } = created;
  const { expirationMs } = (before.timePartitioning ?? {}) as { expirationMs?: string };
  if (timePartitioning === undefined) return {};
  return {
    ...(expirationMs !== undefined && { timePartitioning: { ...timePartitioning, expirationMs } }),
    ...(before.requirePartitionFilter !== undefined && {
      requirePartitionFilter: before.requirePartitionFilter,
    }),
  };
}

function keptOf(field: TableField | undefined): Partial<TableField> {
  return {
    ...(field?.description !== undefined && { description: field.description }),
    ...(field?.policyTags !== undefined && { policyTags: field.policyTags }),
  };
}

function changedMeanwhile({ view }: TableShape): DataHubError {
  return new DataHubError('transient', `the target of view ${view} was changed by another process`, {
    context: { view },
  });
}
