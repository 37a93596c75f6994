import type { Random } from '../../smartapp/random.ts';
import { canHide } from './application.ts';

export type ChangedTable = 'app_project' | 'app_site' | 'app_incident' | 'app_company';

/** What happens to some objects of one table; `version` makes the values that are written unlike any others. */
export type Change = {
  table: ChangedTable;
  /** `touch` changes what no view shows; `hide` and `show` move rows out of their view and back. */
  kind: 'put' | 'touch' | 'hide' | 'show' | 'delete';
  ids: number[];
  version: number;
};

/** A log row that names no row of a view: of another content type, or with an object id that is no key. */
export type Stray = { table: ChangedTable | null; objectId: string };

export type Step =
  | { do: 'change'; change: Change }
  /** One insert of all their log rows; `slowly`: their ids are drawn a moment before the transaction may have an id. */
  | { do: 'log'; changes: Change[]; strays: Stray[]; slowly: boolean }
  | { do: 'savepoint' | 'release' | 'rollback to'; name: string }
  /** The transaction stays open, idle, while that many ticks pass. */
  | { do: 'hold'; ticks: number }
  | { do: 'commit' | 'rollback' };

/** Transactions that follow each other on one connection: each a list of steps that ends it. */
export type Plan = Step[][];

/** Objects that every writer changes; whoever waits, waits shortly, since a transaction that is held changes its own only. */
const SHARED_OBJECTS = 40;
const OWN_OBJECTS = 60;
const COMPANIES = 5;
/** More than there are writers, so that no two write the same version. */
const VERSIONS_APART = 1_000;
const BULK_ROWS = { least: 100, most: 400 };

type Shape = [weight: number, plan: (planner: Planner) => Plan];

/** How often a plan is of which shape. */
const SHAPES: [Shape, ...Shape[]] = [
  [40, (planner) => planner.atOnce()],
  [22, (planner) => planner.asDjango()],
  [10, (planner) => planner.withSavepoints()],
  [6, (planner) => planner.rolledBack()],
  [6, (planner) => planner.loggedFirst()],
  [5, (planner) => planner.leftOpen()],
  [3, (planner) => planner.drawnEarly()],
  [3, (planner) => planner.deletedAndAddedAgain()],
  [3, (planner) => planner.stray()],
  [2, (planner) => planner.inBulk()],
];

/**
 * Decides what one writer does, from its own random numbers alone: the same numbers give the same plans, whatever the other
 * writers and the ticks do meanwhile. Every change that is committed is logged with it or after it, as capture assumes.
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

  /** Data and log in one transaction, over in no time. */
  atOnce(): Plan {
    const changes = this.#changes(this.#sharedId, 3);
    return [[...changes.flatMap((change) => [step(change), log([change])]), { do: 'commit' }]];
  }

  /** As django-models-logging does: the data first, the log rows of the request afterwards in a transaction of their own. */
  asDjango(): Plan {
    const changes = this.#changes(this.#sharedId, 4);
    const isUndone = this.#random.chance(0.1);
    const logged: Step[] = [log(changes), ...this.#hold(0.3, 4), { do: 'commit' }];
    return [
      [...changes.map(step), { do: isUndone ? 'rollback' : 'commit' }],
      ...(this.#random.chance(0.1) ? [undone(logged)] : []),
      logged,
    ];
  }

  /** Nested savepoints, some of which are rolled back to. */
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

  /** The log ids are drawn before anything else, and the data come when others have committed higher ones. */
  loggedFirst(): Plan {
    const changes = this.#changes(this.#ownId, 3);
    return [[log(changes), ...this.#hold(0.8, 10), ...changes.map(step), { do: 'commit' }]];
  }

  /** Idle for so long that every horizon of the others is older than the grace period. */
  leftOpen(): Plan {
    const [first, second] = [this.#changes(this.#ownId, 2), this.#changes(this.#ownId, 2)];
    const hold: Step = { do: 'hold', ticks: this.#random.between(10, 80) };
    return [[...first.map(step), log(first), hold, ...second.map(step), log(second), { do: 'commit' }]];
  }

  /** The log ids are drawn while the transaction has no id of its own. */
  drawnEarly(): Plan {
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
      // In another order than the changes, as when two requests log late.
      [log([back, gone]), { do: 'commit' }],
    ];
  }

  stray(): Plan {
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

  /** Hundreds of rows in one statement, and their log rows in another. */
  inBulk(): Plan {
    const first = this.#writer * 10_000 + 1_000;
    const count = this.#random.between(BULK_ROWS.least, BULK_ROWS.most);
    const ids = Array.from({ length: count }, (_, i) => first + i);
    const change = this.#change(this.#table(), this.#random.pick(['put', 'put', 'put', 'delete']), ids);
    return [[step(change), log([change]), ...this.#hold(0.3, 5), { do: 'commit' }]];
  }

  #changes(anyId: () => number, most: number): Change[] {
    return Array.from({ length: this.#random.between(1, most) }, () => {
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
      version: this.#version * VERSIONS_APART + this.#writer,
    };
  }

  #table(): 'app_project' | 'app_site' | 'app_incident' {
    return this.#random.pick(['app_project', 'app_site', 'app_incident']);
  }

  #hold(probability: number, most: number): Step[] {
    return this.#random.chance(probability) ? [{ do: 'hold', ticks: this.#random.between(1, most) }] : [];
  }

  readonly #sharedId = (): number => this.#random.between(1, SHARED_OBJECTS);

  readonly #ownId = (): number => this.#writer * 10_000 + this.#random.between(1, OWN_OBJECTS);
}

const step = (change: Change): Step => ({ do: 'change', change });

const log = (changes: Change[]): Step & { do: 'log' } => ({ do: 'log', changes, strays: [], slowly: false });

const undone = (steps: Step[]): Step[] => [...steps.slice(0, -1), { do: 'rollback' }];
