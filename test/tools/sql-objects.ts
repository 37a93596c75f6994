import { childOf, childrenOf, concrete, fieldOf, type ProtoNode, textsOf } from './proto-node.ts';
import { type SqlType, scalarType } from './sql-type.ts';

export interface SqlColumn {
  readonly name: string;
  readonly type: SqlType;
}

/** simple_catalog.proto, as far as it is used here. */
export interface SimpleCatalog {
  readonly name: string;
  readonly table: { name: string; column: readonly SqlColumn[] }[];
  readonly procedure: { namePath: string[]; signature: object }[];
  readonly catalog: SimpleCatalog[];
}

/** The project and the dataset of names without them. */
export interface NameDefaults {
  readonly projectId: string;
  readonly datasetId?: string | undefined;
}

/** The tables, views and procedures that statements may name. Statements that create and change them do so here, too. */
export class SqlObjects {
  readonly #defaults: NameDefaults;
  readonly #tables = new Map<string, readonly SqlColumn[]>();
  readonly #procedures = new Map<string, readonly SqlType[]>();

  constructor(defaults: NameDefaults) {
    this.#defaults = defaults;
  }

  addTable(path: string, columns: readonly SqlColumn[]): void {
    this.#tables.set(path, columns);
  }

  addProcedure(path: string, parameters: readonly SqlType[]): void {
    this.#procedures.set(path, parameters);
  }

  /** What a statement can name: each object under every form of its name that BigQuery takes. */
  catalogFor(sql: string): SimpleCatalog {
    const root = emptyCatalog('');
    for (const [path, column] of this.#tables) {
      for (const { catalog, name } of this.#places(root, path, sql)) catalog.table.push({ name, column });
    }
    for (const [path, parameters] of this.#procedures) {
      for (const { catalog, name } of this.#places(root, path, sql)) {
        catalog.procedure.push({ namePath: [name], signature: signatureOf(parameters) });
      }
    }
    return root;
  }

  #places(root: SimpleCatalog, path: string, sql: string): { catalog: SimpleCatalog; name: string }[] {
    const parts = path.split('.');
    if (!sql.includes(parts.at(-1) ?? '')) return [];
    return this.#shortForms(parts)
      .flatMap(groupings)
      .flatMap((names) => {
        // The analyzer is faster with a small catalog.
        if (names.some((each) => each.includes('.') && !sql.includes(`\`${each}\``))) return [];
        const [name = '', ...outer] = names.toReversed();
        return [{ catalog: outer.toReversed().reduce(innerCatalog, root), name }];
      });
  }

  #shortForms(parts: readonly string[]): string[][] {
    const { projectId, datasetId } = this.#defaults;
    const [project, dataset] = parts;
    return [
      [...parts],
      ...(project === projectId ? [parts.slice(1)] : []),
      ...(project === projectId && dataset === datasetId ? [parts.slice(2)] : []),
    ];
  }

  /** Does to the objects what an analyzed statement does. */
  apply(statement: ProtoNode): void {
    const { kind, node } = concrete(statement);
    const path = this.#fullName(textsOf(node, 'namePath'));
    if (/^resolvedCreate(Table|View)/.test(kind)) {
      const exists = fieldOf(node, 'createMode') === 'CREATE_IF_NOT_EXISTS' && this.#tables.has(path);
      if (!exists) this.#tables.set(path, columnsOf(node));
    } else if (kind === 'resolvedCreateProcedureStmtNode') {
      this.#procedures.set(
        path,
        procedureParameters(node).map(({ type }) => type),
      );
    } else if (kind === 'resolvedDropStmtNode') {
      this.#tables.delete(path);
    } else if (kind === 'resolvedAlterTableStmtNode') {
      for (const action of childrenOf(node, 'alterActionList')) this.#alter(path, concrete(action));
    }
  }

  #alter(path: string, { kind, node }: { kind: string; node: ProtoNode }): void {
    const columns = this.#tables.get(path) ?? [];
    const [name] = textsOf(node, kind === 'resolvedAlterColumnSetDataTypeActionNode' ? 'column' : 'name');
    const others = columns.filter((column) => column.name.toLowerCase() !== name?.toLowerCase());
    if (kind === 'resolvedAddColumnActionNode') {
      const added = columnOf(childOf(node, 'columnDefinition') ?? {});
      if (!columns.some((column) => column.name === added.name)) this.#tables.set(path, [...columns, added]);
    } else if (kind === 'resolvedDropColumnActionNode') {
      this.#tables.set(path, others);
    } else if (kind === 'resolvedAlterColumnSetDataTypeActionNode') {
      const type = fieldOf(node, 'updatedType') as SqlType;
      this.#tables.set(
        path,
        columns.map((column) => (others.includes(column) ? column : { ...column, type })),
      );
    } else if (kind === 'resolvedRenameToActionNode') {
      const [newName = ''] = textsOf(node, 'newPath').toReversed();
      this.#tables.delete(path);
      this.#tables.set([...path.split('.').slice(0, -1), newName].join('.'), columns);
    }
  }

  #fullName(names: readonly string[]): string {
    const parts = names.join('.').split('.');
    const { projectId, datasetId = '' } = this.#defaults;
    return [projectId, datasetId]
      .slice(0, Math.max(0, 3 - parts.length))
      .concat(parts)
      .join('.');
  }
}

/** The parameters of an analyzed CREATE PROCEDURE. */
export function procedureParameters(node: ProtoNode): SqlColumn[] {
  const names = textsOf(node, 'argumentNameList');
  const types = childrenOf(childOf(node, 'signature'), 'argument').map(({ type }) => type as SqlType);
  return names.map((name, i) => ({ name, type: types[i] ?? scalarType('UNKNOWN') }));
}

function columnsOf(node: ProtoNode): SqlColumn[] {
  const defined = childrenOf(node, 'columnDefinitionList');
  if (defined.length > 0) return defined.map(columnOf);
  return childrenOf(node, 'outputColumnList').map((output) => ({
    name: String(output.name),
    type: childOf(output, 'column')?.type as SqlType,
  }));
}

const columnOf = ({ name, type }: ProtoNode): SqlColumn => ({ name: String(name), type: type as SqlType });

const emptyCatalog = (name: string): SimpleCatalog => ({ name, table: [], procedure: [], catalog: [] });

function innerCatalog(outer: SimpleCatalog, name: string): SimpleCatalog {
  const found = outer.catalog.find((each) => each.name === name);
  if (found !== undefined) return found;
  const made = emptyCatalog(name);
  outer.catalog.push(made);
  return made;
}

/** The ways to quote a name: `a.b`.c, a.`b.c` and so on. */
function groupings([first = '', ...rest]: readonly string[]): string[][] {
  if (rest.length === 0) return [[first]];
  return groupings(rest).flatMap(([next = '', ...others]) => [
    [first, next, ...others],
    [`${first}.${next}`, ...others],
  ]);
}

/** A procedure returns nothing, but the analyzer ends with a failed check if its signature says so. */
function signatureOf(parameters: readonly SqlType[]): object {
  const argument = (type: SqlType) => ({ kind: 'ARG_TYPE_FIXED', type, numOccurrences: 1 });
  return { argument: parameters.map(argument), returnType: argument(scalarType('INT64')) };
}
