import assert from 'node:assert/strict';
import type pg from 'pg';
import { type Checkpoint, checkpointFromJson, checkpointToJson } from '../../../shared/model/checkpoint.ts';
import type { ViewSource } from '../../../shared/model/view-source.ts';
import {
  type Capture,
  type CaptureOptions,
  capture,
  captureInitial,
} from '../../../shared/source/capture.ts';
import { drawMarker } from '../../../shared/source/change-log.ts';
import { describeView, type SourceView } from '../../../shared/source/describe-view.ts';
import { inSnapshot } from '../../../shared/source/snapshot.ts';
import { type StagedRow, stagedDeletes, stagedRows } from './staged-rows.ts';
import { CONTENT_TYPE_TABLE, LOG_TABLE } from './use-source.ts';

/** The parts of a capture. A test may replace one, to show what a rule is for. */
export type CaptureRules = {
  drawMarker(pool: pg.Pool, checkpoint: Checkpoint, graceSeconds: number): Promise<Checkpoint>;
  capture(
    client: pg.ClientBase,
    view: SourceView,
    checkpoint: Checkpoint,
    options: CaptureOptions,
  ): Promise<Capture>;
};

export type ReplicaOptions = {
  graceSeconds?: number;
  maxLogRows?: number;
  maxReadRows?: number;
  rules?: Partial<CaptureRules>;
};

/** A copy of a view in memory that only captures update: what a target would hold if every batch were applied at once. */
export class Replica {
  checkpoint: Checkpoint;
  readonly rows: Map<string, StagedRow>;
  readonly #pool: pg.Pool;
  readonly #viewSource: ViewSource;
  readonly #options: Required<ReplicaOptions>;

  private constructor(
    pool: pg.Pool,
    viewSource: ViewSource,
    options: ReplicaOptions,
    initial: { checkpoint: Checkpoint; rows: StagedRow[] },
  ) {
    this.#pool = pool;
    this.#viewSource = viewSource;
    this.#options = { graceSeconds: 0, maxLogRows: 1_000, maxReadRows: 1_000_000, rules: {}, ...options };
    this.checkpoint = initial.checkpoint;
    this.rows = new Map(initial.rows.map((row) => [this.#keyOf(row), withoutBatch(row)]));
  }

  /** Copies the whole view, as an initial load does. */
  static async load(pool: pg.Pool, viewSource: ViewSource, options: ReplicaOptions = {}): Promise<Replica> {
    const initial = await inSnapshot(pool, async (client) => {
      const view = await describeView(client, viewSource, CONTENT_TYPE_TABLE);
      return {
        checkpoint: await captureInitial(client, LOG_TABLE),
        rows: await stagedRows(client, view),
      };
    });
    return new Replica(pool, viewSource, options, initial);
  }

  /** Captures once and applies the batch. The checkpoint is converted to its stored form and back. */
  async capture(queuedKeys: string[] = []): Promise<Capture> {
    const { graceSeconds, maxLogRows, maxReadRows, rules } = this.#options;
    const checkpoint = await (rules.drawMarker ?? drawMarker)(this.#pool, this.checkpoint, graceSeconds);
    const { captured, upserts, deletes } = await inSnapshot(this.#pool, async (client) => {
      const view = await describeView(client, this.#viewSource, CONTENT_TYPE_TABLE);
      return {
        captured: await (rules.capture ?? capture)(client, view, checkpoint, {
          logTable: LOG_TABLE,
          maxLogRows,
          maxReadRows,
          maxNullRows: maxLogRows,
          queuedKeys,
        }),
        upserts: await stagedRows(client, view, { kind: 'captured' }),
        deletes: await stagedDeletes(client, view),
      };
    });
    for (const row of upserts) this.rows.set(this.#keyOf(row), withoutBatch(row));
    for (const row of deletes) this.rows.delete(this.#keyOf(row));
    this.checkpoint = checkpointFromJson(JSON.parse(checkpointToJson(captured.next)));
    return captured;
  }

  /** Captures until nothing is left behind a cut. Returns the number of captures. */
  async captureAll(): Promise<number> {
    for (let captures = 1; ; captures++) {
      if ((await this.capture()).cutId === null) return captures;
    }
  }

  /** Fails unless the copy equals the view. */
  async assertEqualsView(): Promise<void> {
    assert.deepEqual(sorted([...this.rows.values()]), sorted(await this.#viewRows()));
  }

  async isEqualToView(): Promise<boolean> {
    return this.assertEqualsView().then(
      () => true,
      (error: unknown) => {
        if (error instanceof assert.AssertionError) return false;
        throw error;
      },
    );
  }

  #viewRows(): Promise<StagedRow[]> {
    return inSnapshot(this.#pool, async (client) => {
      const view = await describeView(client, this.#viewSource, CONTENT_TYPE_TABLE);
      return (await stagedRows(client, view)).map(withoutBatch);
    });
  }

  #keyOf(row: StagedRow): string {
    return String(row[this.#viewSource.keyColumn]);
  }
}

function withoutBatch({ action: _action, etl_transaction_id: _id, ...row }: StagedRow): StagedRow {
  return row;
}

const sorted = (rows: StagedRow[]): string[] => rows.map((row) => JSON.stringify(row)).sort();
