import type { Random } from './random.ts';

export type Value = string | number | boolean | null | { [key: string]: Value };
/** Values by column, in the form of Django's JSON encoder: times are text in UTC. */
export type Row = Record<string, Value>;

/** The inputs for making field values. */
export interface Maker {
  random: Random;
  now: Date;
  /** A random row id of that lookup. Lookup rows are never deleted. */
  lookup(name: LookupName): number;
}

/** A Django model of SMartApp. */
export interface Model {
  name: ModelName;
  /** The name in `object_repr`, such as `Project object (1)`. */
  className: string;
  table: string;
  /** Content type id in the production database. */
  contentTypeId: number;
  datetimeColumns: readonly string[];
  decimalColumns: readonly string[];
  /** Foreign keys to models whose rows can be added and deleted: column → model. */
  parents: Readonly<Record<string, MainModelName>>;
  /** Field values of a new row, without its parents. */
  newFields(maker: Maker): Row;
  /** Changes to columns that the source view shows. */
  trackedChange(maker: Maker, row: Row): Row;
  /** Changes to columns that no source view shows. No change means a save that only sets updated_at. */
  untrackedChange(maker: Maker, row: Row): Row;
}

export type MainModelName = 'project' | 'inventory' | 'plan' | 'item' | 'incident';
export type LookupName =
  | 'company'
  | 'employee'
  | 'brand'
  | 'model'
  | 'productType'
  | 'incidentType'
  | 'serviceType'
  | 'severity'
  | 'status';
export type ModelName = MainModelName | LookupName;
