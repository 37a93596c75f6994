/** A table by its quoted name with its schema. */
export type TableName = {
  name: string;
  /** Whether it has partitions and no rows of its own. */
  isPartitioned: boolean;
};

/** A table whose changes are logged, with its partitions and the tables that inherit from it. */
export type PlannedTable = TableName & {
  /** The column whose values log rows name. */
  keyColumn: string;
  contentType: { id: number; appLabel: string; model: string };
  /** Those below it, at any depth: a statement on one of them fires no trigger of the table above. */
  below: TableName[];
};

/** Everything that the script of a change log needs to know. */
export type LogPlan = {
  /** The schema of the log, unquoted; the role of the functions must find it along its search path. */
  schema: string;
  logTable: string;
  contentTypeTable: string;
  tables: PlannedTable[];
  /** The one owner of all tables, to whom the log shall belong; null if they have several. */
  owner: string | null;
  /** The role of the functions, unquoted, and what it must read beside the log: quoted names of views and tables, and their schemas. */
  reader: { role: string; relations: string[]; schemas: string[] };
};

/** Who can run the script of a plan. */
export const runBy = ({ owner }: Pick<LogPlan, 'owner'>): string =>
  owner === null ? 'a superuser, since the tables have several owners' : `${owner}, the owner of the tables`;
