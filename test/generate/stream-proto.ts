import protobuf from 'protobufjs';
import type { TableShape } from '../../shared/model/columns.ts';
import { CHANGE_FIELDS, type ProtoField, protoField } from '../../shared/warehouse/proto-field.ts';
import { targetColumns } from '../../shared/warehouse/tables-sql.ts';

/** A message's .proto, and its form compiled by protobufjs, which the functions read at run time. */
export type StreamProto = { proto: string; compiled: protobuf.INamespace };

type NumberedField = ProtoField & { name: string; number: number };

/** The numbers and names that an existing .proto has used; none may be used for another purpose. */
type UsedFields = { fields: NumberedField[]; reservedNumbers: number[]; reservedNames: string[] };

const IDENTIFIER = /^[A-Za-z_][A-Za-z0-9_]*$/;
const END_OF_COLUMNS = Math.min(...Object.values(CHANGE_FIELDS));
const NONE_USED: UsedFields = { fields: [], reservedNumbers: [], reservedNames: [] };

/**
 * The message in which the rows of a streamed view are sent. `existing` is the committed .proto, or null for a new message. A
 * column keeps its existing number unless its type has changed. Throws a RangeError that names every column that cannot be a field.
 */
export function streamProto(shape: TableShape, existing: string | null): StreamProto {
  const columns = targetColumns(shape);
  assertNames(
    shape.view,
    columns.map(({ name }) => name),
  );
  const used = existing === null ? NONE_USED : usedBy(existing);
  const free = freeNumbers(used);
  const fields = columns.map((column): NumberedField => {
    const needed = protoField(column);
    const before = used.fields.find(({ name }) => name === column.name);
    const number =
      before !== undefined && isSameOnTheWire(before, needed) ? before.number : free.next().value;
    return { ...needed, name: column.name, number };
  });
  if (fields.some(({ number }) => number >= END_OF_COLUMNS)) {
    throw new RangeError(`view ${shape.view}: columns cannot have numbers from ${END_OF_COLUMNS} on`);
  }
  const numbers = new Set(fields.map(({ number }) => number));
  const names = new Set(fields.map(({ name }) => name));
  const proto = write(shape, {
    fields,
    reservedNumbers: [...used.reservedNumbers, ...used.fields.map(({ number }) => number)].filter(
      (number) => !numbers.has(number),
    ),
    // A column that comes back gets its old name, but a new number.
    reservedNames: [...used.reservedNames, ...used.fields.map(({ name }) => name)].filter(
      (name) => !names.has(name),
    ),
  });
  return { proto, compiled: compile(proto).toJSON() };
}

/** A required field may become optional under the same number, and the reverse, because both have the same encoding. */
const isSameOnTheWire = (before: ProtoField, needed: ProtoField): boolean =>
  before.type === needed.type && (before.rule === 'repeated') === (needed.rule === 'repeated');

function assertNames(view: string, names: string[]): void {
  const refused = names.filter((name) => !IDENTIFIER.test(name) || Object.hasOwn(CHANGE_FIELDS, name));
  if (refused.length === 0) return;
  const listed = refused.map((name) => JSON.stringify(name)).join(', ');
  throw new RangeError(
    `view ${view}: ${listed} cannot be the name of a field in a protobuf message; rename the column in the view`,
  );
}

function* freeNumbers({ fields, reservedNumbers }: UsedFields): Generator<number, never> {
  const highest = Math.max(0, ...fields.map(({ number }) => number), ...reservedNumbers);
  for (let number = highest + 1; ; number += 1) yield number;
}

function write({ view, target }: TableShape, { fields, reservedNumbers, reservedNames }: UsedFields): string {
  const declaration = ({ rule, type, name, number }: NumberedField) =>
    `  ${rule} ${type} ${name} = ${number};`;
  const changeFields = Object.entries(CHANGE_FIELDS).map(([name, number]) =>
    declaration({ rule: 'required', type: 'string', name, number }),
  );
  const reserved = [
    ...(reservedNumbers.length === 0 ? [] : [`  reserved ${reservedNumbers.toSorted(byValue).join(', ')};`]),
    ...(reservedNames.length === 0
      ? []
      : [
          `  reserved ${reservedNames
            .toSorted()
            .map((name) => `"${name}"`)
            .join(', ')};`,
        ]),
  ];
  return `// The rows of ${view} as the Storage Write API takes them. Written by \`npm run generate\` from the view's columns. A
// field number is never reused: the number of a removed column, or of a column whose type has changed, stays reserved.
syntax = "proto2";

message ${messageName(target)} {
${[...reserved, ...fields.map(declaration)].join('\n')}

  // The change of the row, and its place in the order of changes to the same key.
${changeFields.join('\n')}
}
`;
}

const byValue = (a: number, b: number): number => a - b;

/** `pm_item` becomes `PmItem`. */
const messageName = (target: string): string =>
  target.replaceAll(/(?:^|_)([A-Za-z])/g, (_, letter: string) => letter.toUpperCase());

function usedBy(proto: string): UsedFields {
  const [message] = compile(proto).nestedArray;
  if (!(message instanceof protobuf.Type)) throw new TypeError('a .proto must contain one message');
  const used: UsedFields = { fields: [], reservedNumbers: [], reservedNames: [] };
  for (const { name, id, type, repeated } of message.fieldsArray) {
    if (Object.hasOwn(CHANGE_FIELDS, name)) continue;
    used.fields.push({
      name,
      number: id,
      type: type as ProtoField['type'],
      rule: repeated ? 'repeated' : 'optional',
    });
  }
  for (const reserved of message.reserved ?? []) {
    if (typeof reserved === 'string') used.reservedNames.push(reserved);
    else
      for (let number = reserved[0] ?? 0; number <= (reserved[1] ?? 0); number += 1)
        used.reservedNumbers.push(number);
  }
  return used;
}

const compile = (proto: string): protobuf.Root => protobuf.parse(proto, { keepCase: true }).root;
