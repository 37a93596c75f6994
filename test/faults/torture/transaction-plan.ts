import type { Random } from '../../smartapp/random.ts';
import { canHide } from './application.ts';

export type ChangedTable = 'app_project' | 'app_site' | 'app_incident' | 'app_company';

/** A change of some objects of one table. `version` makes the written values unique. */
export type Change = {
  table: ChangedTable;
  /** `touch` changes a column that is in no view; `hide` and `show` move rows out of their view and back. */
  kind: 'put' | 'touch' | 'hide' | 'show' | 'delete';
  ids: number[];
  version: number;
};

/** A log row that names no row of a view: it has another content type, or its object id is no key. */
export type Stray = { table: ChangedTable | null; objectId: string };

export type Step =
  | { do: 'change'; change: Change }
  /** Inserts all log rows in one statement. `slowly` draws their ids a moment before the transaction gets its own id. */
  | { do: 'log'; changes: Change[]; strays: Stray[]; slowly: boolean }
  | { do: 'savepoint' | 'release' | 'rollback to'; name: string }
  /** Keeps the transaction open and idle for this many ticks. */
  | { do: 'hold'; ticks: number }
  | { do: 'commit' | 'rollback' };

/** Consecutive transactions of one connection. The last step of each ends it. */
export type Plan = Step[][];

/** Objects that all writers change. Lock waits are short, because a transaction that is held open changes only its writer's own objects. */
const SHARED_OBJECTS = 40;
const OWN_OBJECTS = 60;
const COMPANIES = 5;
/** More than the number of writers, so that no two writers use the same version. */
const VERSION_STEP = 1_000;
const BULK_ROWS = { min: 100, max: 400 };

type Shape = [weight: number, plan: (planner: Planner) => Plan];

/** The kinds of plans, with their relative frequencies. */
const SHAPES: [Shape, ...Shape[]] = [
  [40, (planner) => planner.inOneTransaction()],
  [22, (planner) => planner.asDjango()],
  [10, (planner) => planner.withSavepoints()],
  [6, (planner) => planner.rolledBack()],
  [6, (planner) => planner.loggedFirst()],
  [5, (planner) => planner.heldOpen()],
  [3, (planner) => planner.idsDrawnEarly()],
  [3, (planner) => planner.deletedAndAddedAgain()],
  [3, (planner) => planner.withStrays()],
  [2, (planner) => planner.inBulk()],
];

/**
 * Decides what one writer does, using only its own random numbers: the same numbers give the same plans, regardless of other
 * writers and ticks. Every committed change is logged with it or after it, as capture assumes.
 */
export class Planner {
  readonly #random: Random;
  readonly #writer: number;
  #version = 0;

  constructor(random: Random, writer: number) {
    this.#random = random;
    this.#writer = writer;
  }

  next(): Plan {
    const [, plan] = SHAPES[this.#random.weighted(SHAPES.map(([weight]) => weight))] ?? SHAPES[0];
    return plan(this);
  }

  /** Data and log rows in one short transaction. */
  inOneTransaction(): Plan {
    const changes = this.#changes(this.#sharedId, 3);
    return [[...changes.flatMap((change) => [step(change), log([change])]), { do: 'commit' }]];
  }

  /** As django-models-logging does: first the data, then the log rows of the request in a second transaction. */
  asDjango(): Plan {
    const changes = this.#changes(this.#sharedId, 4);
    const isRolledBack = this.#random.chance(0.1);
    const logged: Step[] = [log(changes), ...this.#hold(0.3, 4), { do: 'commit' }];
    return [
      [...changes.map(step), { do: isRolledBack ? 'rollback' : 'commit' }],
      ...(this.#random.chance(0.1) ? [rolledBack(logged)] : []),
      logged,
    ];
  }

  /** Nested savepoints, some of them rolled back. */
  withSavepoints(): Plan {
    const nested = (depth: number): Step[] => {
      const name = `depth_${depth}`;
      const changes = this.#changes(this.#ownId, 2);
      const end = this.#random.chance(0.4) ? 'rollback to' : 'release';
      return [
        { do: 'savepoint', name },
        ...changes.flatMap((change) => [step(change), log([change])]),
        ...(depth < 3 && this.#random.chance(0.6) ? nested(depth + 1) : []),
        ...this.#hold(0.2, 3),
        { do: end, name },
      ];
    };
    const parts = Array.from({ length: this.#random.between(1, 3) }, () => nested(1));
    return [[...parts.flat(), { do: 'commit' }]];
  }

  rolledBack(): Plan {
    const changes = this.#changes(this.#ownId, 3);
    return [[...changes.map(step), log(changes), ...this.#hold(0.3, 5), { do: 'rollback' }]];
  }

  /** The log ids are drawn first; the data follow after other transactions have committed higher log ids. */
  loggedFirst(): Plan {
    const changes = this.#changes(this.#ownId, 3);
    return [[log(changes), ...this.#hold(0.8, 10), ...changes.map(step), { do: 'commit' }]];
  }

  /** Held open for so long that later horizons become older than the grace period. */
  heldOpen(): Plan {
    const [first, second] = [this.#changes(this.#ownId, 2), this.#changes(this.#ownId, 2)];
    const hold: Step = { do: 'hold', ticks: this.#random.between(10, 80) };
    return [[...first.map(step), log(first), hold, ...second.map(step), log(second), { do: 'commit' }]];
  }

  /** The log ids are drawn while the transaction does not have an id yet. */
  idsDrawnEarly(): Plan {
    const changes = this.#changes(this.#sharedId, 2);
    const logged: Step = { ...log(changes), slowly: true };
    return [
      [...changes.map(step), { do: 'commit' }],
      [logged, ...this.#hold(0.5, 20), { do: 'commit' }],
    ];
  }

  deletedAndAddedAgain(): Plan {
    const table = this.#table();
    const ids = [this.#ownId()];
    const [gone, back] = [this.#change(table, 'delete', ids), this.#change(table, 'put', ids)];
    if (this.#random.chance(0.5))
      return [[step(gone), log([gone]), step(back), log([back]), { do: 'commit' }]];
    return [
      [step(gone), { do: 'commit' }],
      [step(back), { do: 'commit' }],
      // In a different order from the changes, as when two requests log late.
      [log([back, gone]), { do: 'commit' }],
    ];
  }

  withStrays(): Plan {
    const objectId = this.#random.pick(['not a key', '', '1e3', '99999999999999999999', '7;8']);
    const named: Stray = { table: this.#random.pick([this.#table(), null]), objectId };
    const other: Stray = { table: null, objectId: String(this.#sharedId()) };
    return [
      [
        { do: 'log', changes: [], strays: [named, other], slowly: false },
        ...this.#hold(0.2, 5),
        { do: this.#random.chance(0.8) ? 'commit' : 'rollback' },
      ],
    ];
  }

  /** Hundreds of rows in one statement, and their log rows in a second one. */
  inBulk(): Plan {
    const first = this.#writer * 10_000 + 1_000;
    const count = this.#random.between(BULK_ROWS.min, BULK_ROWS.max);
    const ids = Array.from({ length: count }, (_, i) => first + i);
    const change = this.#change(this.#table(), this.#random.pick(['put', 'put', 'put', 'delete']), ids);
    return [[step(change), log([change]), ...this.#hold(0.3, 5), { do: 'commit' }]];
  }

  #changes(anyId: () => number, max: number): Change[] {
    return Array.from({ length: this.#random.between(1, max) }, () => {
      if (this.#random.chance(0.03))
        return this.#change('app_company', 'put', [this.#random.between(1, COMPANIES)]);
      const kind = this.#random.pick(['put', 'put', 'put', 'put', 'delete', 'touch', 'hide', 'show']);
      return this.#change(this.#table(), kind, [anyId()]);
    });
  }

  #change(table: ChangedTable, kind: Change['kind'], ids: number[]): Change {
    this.#version += 1;
    const isPossible = canHide(table) || (kind !== 'hide' && kind !== 'show');
    return {
      table,
      kind: isPossible ? kind : 'put',
      ids,
      version: this.#version * VERSION_STEP + this.#writer,
    };
  }

  #table(): 'app_project' | 'app_site' | 'app_incident' {
    return this.#random.pick(['app_project', 'app_site', 'app_incident']);
  }

  #hold(probability: number, maxTicks: number): Step[] {
    return this.#random.chance(probability) ? [{ do: 'hold', ticks: this.#random.between(1, maxTicks) }] : [];
  }

  readonly #sharedId = (): number => this.#random.between(1, SHARED_OBJECTS);

  readonly #ownId = (): number => this.#writer * 10_000 + this.#random.between(1, OWN_OBJECTS);
}

const step = (change: Change): Step => ({ do: 'change', change });

const log = (changes: Change[]): Step & { do: 'log' } => ({ do: 'log', changes, strays: [], slowly: false });

const rolledBack = (steps: Step[]): Step[] => [...steps.slice(0, -1), { do: 'rollback' }];
