import { type ViewSourceEntry, viewSourceEntry } from '../../../shared/model/view-source-entry.ts';
import type { Random } from '../../smartapp/random.ts';
import { type Installation, PROJECT_ENTRY, STREAMED_ENTRY } from '../../support/installation.ts';

/** How a view of source.sql is written at present: its columns by name, and which rows it shows. */
export type ViewText = { columns: Record<string, string>; where: string };

export type ViewName = 'pmr_project' | 'xyz_incident';
export const VIEWS: readonly [ViewName, ViewName] = ['pmr_project', 'xyz_incident'];

/** A table of the application, with the columns that Django's `save()` writes. */
export type ModelName = 'app_project' | 'app_incident';
export const MODELS: Record<ModelName, readonly [string, ...string[]]> = {
  app_project: ['name', 'company_id', 'is_dummy', 'share', 'remark'],
  app_incident: ['type', 'status', 'owner', 'is_hidden'],
};
export const MODEL_NAMES: readonly [ModelName, ModelName] = ['app_project', 'app_incident'];

/** A row as the application has loaded it into memory, maybe long ago. */
export type Instance = { model: ModelName; row: Record<string, unknown> };

/** The source application, its schema and the configuration of its views: everything that a careless person changes. */
export type World = {
  on: Installation;
  random: Random;
  views: Record<ViewName, ViewText>;
  entries: Record<ViewName, ViewSourceEntry>;
  /** Instances that are in memory. */
  loaded: Instance[];
  /** Rows that were changed without a log row; each is logged before the trial ends, for another column. */
  unlogged: Set<`${ModelName} ${string}`>;
};

const FROM: Record<ViewName, string> = {
  pmr_project: 'app_project r left join app_company c on c.id = r.company_id',
  xyz_incident: 'app_incident r',
};

/** The views and view sources of source.sql. */
export function newWorld(on: Installation, random: Random): World {
  return {
    on,
    random,
    views: {
      pmr_project: {
        columns: {
          project_id: 'r.id',
          name: 'r.name',
          company: 'c.name',
          share: 'r.share',
          opened: 'r.opened',
          updated_at: 'r.updated_at',
        },
        where: 'not r.is_dummy',
      },
      xyz_incident: {
        columns: {
          incident_id: 'r.id',
          inventory_id: 'r.inventory_id',
          incident_type: 'r.type',
          service_type: 'null::text',
          severity: 'null::text',
          status: 'r.status',
          open_datetime: `to_char(r.opened at time zone 'UTC', 'YYYY-MM-DD HH24:MI')`,
          close_datetime: `to_char(r.closed at time zone 'UTC', 'YYYY-MM-DD HH24:MI')`,
          incident_owner: 'r.owner',
        },
        where: 'not r.is_hidden',
      },
    },
    entries: {
      pmr_project: viewSourceEntry.parse(PROJECT_ENTRY),
      xyz_incident: viewSourceEntry.parse(STREAMED_ENTRY),
    },
    loaded: [],
    unlogged: new Set(),
  };
}

/** The statement behind `create view … as`. */
export function selectOf(view: ViewName, { columns, where }: ViewText): string {
  const list = Object.entries(columns).map(([name, expression]) => `${expression} as ${name}`);
  return `select ${list.join(', ')} from ${FROM[view]} where ${where}`;
}

/** Drops the view and makes it as the world says, in one transaction. */
export const remakeView = ({ on, views }: World, view: ViewName): Promise<unknown> =>
  on.source.database.query(
    `drop view if exists ${view}; create view ${view} as ${selectOf(view, views[view])}; grant select on ${view} to reader`,
  );
