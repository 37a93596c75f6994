import {
  type Checkpoint,
  checkpointFromJson,
  checkpointToJson,
  markHorizons,
  maturedFloor,
  NOTHING_SEEN,
  nextCheckpoint,
} from '../../../shared/model/checkpoint.ts';

/** One step of a schedule. `writer` identifies a connection, which has at most one transaction open. */
export type Step =
  /** Gets a transaction id by writing something that is not logged. */
  | { do: 'write'; writer: number }
  /** Draws a log id but does not insert the log row yet: the transaction may have no transaction id at this moment. */
  | { do: 'draw'; writer: number; ours: boolean }
  /** Inserts the drawn log rows. */
  | { do: 'insert'; writer: number }
  /** Rolls the log rows of this transaction back to a savepoint: some of its ids become holes. */
  | { do: 'rollbackToSavepoint'; writer: number; keep: number }
  | { do: 'commit'; writer: number }
  | { do: 'rollback'; writer: number }
  | { do: 'wait'; micros: number }
  | { do: 'drawMarker' }
  /** `applied` is false if the process dies before the batch is applied; everything is then captured again. */
  | { do: 'capture'; maxLogRows: number; applied: boolean };

/** The rules of docs/architecture.md#capture that a test can break on purpose. */
export type Rules = {
  marker: 'drawn after the grace' | 'drawn at the capture' | 'xmax of the snapshot';
  covered: 'floor and seen' | 'last id' | 'last date';
  cut: 'ends horizons and floor' | 'is ignored by the checkpoint';
};

export const REAL_RULES: Rules = {
  marker: 'drawn after the grace',
  covered: 'floor and seen',
  cut: 'ends horizons and floor',
};

export const GRACE_SECONDS = 1;
const GRACE_MICROS = GRACE_SECONDS * 1_000_000;
/** The clock when a schedule begins. */
const START_MICROS = 1_000_000_000;

/** `ours` tells whether the log row belongs to the view. */
type LogRow = { id: number; ours: boolean; atMicros: number };
type Drawn = LogRow & { inserted: boolean };
type Transaction = { xid: number | null; drawn: Drawn[] };
type Snapshot = { xmin: number; xmax: number; rows: LogRow[] };

/**
 * PostgreSQL, as far as a capture depends on it: a log id is drawn before commit and only once, a transaction id is drawn at the
 * first write, a snapshot shows what is committed and has xmin and xmax. The grace assumption holds: a transaction that has drawn
 * a log id gets its transaction id within the grace period.
 */
class Server {
  nowMicros = START_MICROS;
  #nextLogId = 1;
  #nextXid = 100;
  #latestCompletedXid = 99;
  readonly #open = new Map<number, Transaction>();
  readonly committed: LogRow[] = [];

  drawXid(): number {
    return this.#nextXid++;
  }

  write(writer: number): void {
    const transaction = this.#transactionOf(writer);
    transaction.xid ??= this.drawXid();
  }

  draw(writer: number, ours: boolean): void {
    const row = { id: this.#nextLogId++, ours, atMicros: this.nowMicros, inserted: false };
    this.#transactionOf(writer).drawn.push(row);
  }

  insert(writer: number): void {
    const transaction = this.#transactionOf(writer);
    if (transaction.drawn.length > 0) transaction.xid ??= this.drawXid();
    for (const row of transaction.drawn) row.inserted = true;
  }

  rollbackToSavepoint(writer: number, keep: number): void {
    const transaction = this.#transactionOf(writer);
    transaction.drawn = transaction.drawn.slice(0, keep);
  }

  commit(writer: number): void {
    this.insert(writer);
    this.committed.push(...this.#transactionOf(writer).drawn);
    this.#end(writer);
  }

  rollback(writer: number): void {
    this.#end(writer);
  }

  commitAll(): void {
    for (const writer of [...this.#open.keys()]) this.commit(writer);
  }

  /** Lets time pass. A transaction whose grace period ends gets its transaction id. */
  wait(micros: number): void {
    this.nowMicros += micros;
    for (const [writer, { drawn, xid }] of this.#open) {
      const isLate = drawn.some((row) => row.atMicros + GRACE_MICROS <= this.nowMicros);
      if (xid === null && isLate) this.write(writer);
    }
  }

  snapshot(): Snapshot {
    const xmax = this.#latestCompletedXid + 1;
    const running = [...this.#open.values()].flatMap(({ xid }) => (xid === null ? [] : [xid]));
    return { xmin: Math.min(xmax, ...running), xmax, rows: [...this.committed] };
  }

  complete(xid: number): void {
    this.#latestCompletedXid = Math.max(this.#latestCompletedXid, xid);
  }

  #transactionOf(writer: number): Transaction {
    const open = this.#open.get(writer) ?? { xid: null, drawn: [] };
    this.#open.set(writer, open);
    return open;
  }

  #end(writer: number): void {
    const xid = this.#open.get(writer)?.xid ?? null;
    if (xid !== null) this.complete(xid);
    this.#open.delete(writer);
  }
}

/** A run of a schedule: the server, the checkpoint that was installed last, and the log ids that applied batches cover. */
export class CaptureModel {
  readonly server = new Server();
  checkpoint: Checkpoint = { floorId: 0n, seen: NOTHING_SEEN, horizons: [], witness: null };
  /** Every checkpoint that was installed, in order. */
  readonly installed: Checkpoint[] = [this.checkpoint];
  readonly covered = new Set<number>();
  /** How often a batch carried each log row of the view, by log id. */
  readonly carried = new Map<number, number>();
  /** The ids of `checkpoint.seen`. */
  #seen = new Set<number>();
  /** The checkpoint with newly marked horizons, from which the next capture starts; null if there is none. */
  #marked: Checkpoint | null = null;
  #last = { id: 0, atMicros: 0 };
  readonly #rules: Rules;

  constructor(rules: Rules = REAL_RULES) {
    this.#rules = rules;
  }

  run(schedule: Step[]): void {
    for (const step of schedule) this.#step(step);
  }

  /** Ends every transaction and captures until nothing is left. */
  finish(): void {
    this.server.commitAll();
    while (this.#capture(1_000, true)) this.#drawMarker();
  }

  /** The ids of the view's committed log rows that no applied batch covers. */
  lost(): number[] {
    return this.server.committed.filter((row) => row.ours && !this.covered.has(row.id)).map(({ id }) => id);
  }

  #step(step: Step): void {
    switch (step.do) {
      case 'write':
        this.server.write(step.writer);
        break;
      case 'draw':
        this.server.draw(step.writer, step.ours);
        break;
      case 'insert':
        this.server.insert(step.writer);
        break;
      case 'rollbackToSavepoint':
        this.server.rollbackToSavepoint(step.writer, step.keep);
        break;
      case 'commit':
        this.server.commit(step.writer);
        break;
      case 'rollback':
        this.server.rollback(step.writer);
        break;
      case 'wait':
        this.server.wait(step.micros);
        break;
      case 'drawMarker':
        this.#drawMarker();
        break;
      case 'capture':
        this.#capture(step.maxLogRows, step.applied);
    }
  }

  #drawMarker(): void {
    if (this.#rules.marker !== 'drawn after the grace') return;
    const nowMicros = BigInt(this.server.nowMicros);
    const xid = this.server.drawXid();
    this.server.complete(xid);
    this.#marked = {
      ...this.checkpoint,
      horizons: markHorizons(this.checkpoint.horizons, {
        marker: BigInt(xid),
        nowMicros,
        graceSeconds: GRACE_SECONDS,
      }),
    };
  }

  /** Returns whether the view had new log rows. */
  #capture(maxLogRows: number, applied: boolean): boolean {
    const previous = this.#marked ?? this.checkpoint;
    this.#marked = null;
    const snapshot = this.server.snapshot();
    const maturedFloorId = maturedFloor(previous, BigInt(snapshot.xmin));
    const fresh = snapshot.rows.filter((row) => this.#isFresh(row, previous)).sort((a, b) => a.id - b.id);
    const ours = fresh.filter((row) => row.ours);
    const cutId = ours.length > maxLogRows ? (ours[maxLogRows - 1]?.id ?? 0) : null;
    const taken = fresh.filter((row) => cutId === null || row.id <= cutId);
    if (!applied) return ours.length > 0;

    for (const { id, ours: isOurs } of taken) {
      this.covered.add(id);
      if (isOurs) this.carried.set(id, (this.carried.get(id) ?? 0) + 1);
    }
    const checkpointCut = this.#rules.cut === 'ends horizons and floor' ? cutId : null;
    const covers = checkpointCut === cutId ? taken : fresh;
    this.#seen = new Set([...this.#seen, ...covers.map(({ id }) => id)]);
    const ends = checkpointCut === null ? maturedFloorId : lower(maturedFloorId, BigInt(checkpointCut));
    for (const id of this.#seen) if (BigInt(id) <= ends) this.#seen.delete(id);
    const next = nextCheckpoint(previous, {
      maturedFloorId,
      seen: multirangeOf(this.#seen),
      highestId: BigInt(Math.max(0, ...snapshot.rows.map(({ id }) => id))),
      atMicros: BigInt(this.server.nowMicros),
      cutId: checkpointCut === null ? null : BigInt(checkpointCut),
      witness: null,
    });
    this.checkpoint = checkpointFromJson(
      JSON.parse(checkpointToJson(this.#markedByBrokenRule(next, snapshot))),
    );
    this.installed.push(this.checkpoint);
    this.#last = {
      id: Math.max(this.#last.id, ...taken.map(({ id }) => id)),
      atMicros: Math.max(this.#last.atMicros, ...taken.map(({ atMicros }) => atMicros)),
    };
    return ours.length > 0;
  }

  #isFresh(row: LogRow, checkpoint: Checkpoint): boolean {
    switch (this.#rules.covered) {
      case 'floor and seen':
        return BigInt(row.id) > checkpoint.floorId && !this.#seen.has(row.id);
      case 'last id':
        return row.id > this.#last.id;
      case 'last date':
        return row.atMicros > this.#last.atMicros;
    }
  }

  #markedByBrokenRule(checkpoint: Checkpoint, snapshot: Snapshot): Checkpoint {
    if (this.#rules.marker === 'drawn after the grace') return checkpoint;
    let drawn = snapshot.xmax;
    if (this.#rules.marker === 'drawn at the capture') {
      drawn = this.server.drawXid();
      this.server.complete(drawn);
    }
    const horizons = checkpoint.horizons.map((each) => ({ ...each, marker: each.marker ?? BigInt(drawn) }));
    return { ...checkpoint, horizons };
  }
}

function multirangeOf(ids: Set<number>): string {
  const ranges: [number, number][] = [];
  for (const id of [...ids].sort((a, b) => a - b)) {
    const last = ranges.at(-1);
    if (last?.[1] === id) last[1] = id + 1;
    else ranges.push([id, id + 1]);
  }
  return `{${ranges.map(([low, high]) => `[${low},${high})`).join(',')}}`;
}

const lower = (a: bigint, b: bigint): bigint => (a < b ? a : b);
