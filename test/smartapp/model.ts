import type { Random } from './random.ts';

export type Value = string | number | boolean | null | { [key: string]: Value };
/** A row by column, with values as Django's JSON encoder writes them: times are text in UTC. */
export type Row = Record<string, Value>;

/** What field values are made from. */
export interface Maker {
  random: Random;
  now: Date;
  /** The id of a row of that lookup. Lookups are never deleted. */
  lookup(name: LookupName): number;
}

/** A Django model of SMartApp. */
export interface Model {
  name: ModelName;
  /** As in `object_repr`: `Project object (1)`. */
  className: string;
  table: string;
  /** The production database's. */
  contentTypeId: number;
  datetimeColumns: readonly string[];
  decimalColumns: readonly string[];
  /** Foreign keys to models whose rows come and go: column → model. */
  parents: Readonly<Record<string, MainModelName>>;
  /** Field values of a new row, without its parents. */
  newFields(maker: Maker): Row;
  /** Changes of columns that the source view shows. */
  trackedChange(maker: Maker, row: Row): Row;
  /** Changes of columns that no source view shows; none at all is a save that only moves updated_at. */
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
