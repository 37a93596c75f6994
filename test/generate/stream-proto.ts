import protobuf from 'protobufjs';
import type { TableShape } from '../../shared/model/columns.ts';
import { CHANGE_FIELDS, type ProtoField, protoField } from '../../shared/warehouse/proto-field.ts';
import { targetColumns } from '../../shared/warehouse/tables-sql.ts';

/** A message's .proto, and the same compiled by protobufjs, which is what is read at run time. */
export type StreamProto = { proto: string; compiled: protobuf.INamespace };

type NumberedField = ProtoField & { name: string; number: number };

/** What a .proto has given away for good. */
type Given = { fields: NumberedField[]; reservedNumbers: number[]; reservedNames: string[] };

const IDENTIFIER = /^[A-Za-z_][A-Za-z0-9_]*$/;
const END_OF_COLUMNS = Math.min(...Object.values(CHANGE_FIELDS));
const NOTHING: Given = { fields: [], reservedNumbers: [], reservedNames: [] };

/**
 * The message that the rows of a streamed view are sent as. `existing` is its .proto as it is committed, null for a new one:
 * a column that has a number keeps it, unless its type changed. Throws a RangeError naming every column that has no place.
 */
export function streamProto(shape: TableShape, existing: string | null): StreamProto {
  const columns = targetColumns(shape);
  assertNames(
    shape.view,
    columns.map(({ name }) => name),
  );
  const given = existing === null ? NOTHING : givenBy(existing);
  const free = freeNumbers(given);
  const fields = columns.map((column): NumberedField => {
    const needed = protoField(column);
    const before = given.fields.find(({ name }) => name === column.name);
    const number =
      before !== undefined && isSameOnTheWire(before, needed) ? before.number : free.next().value;
    return { ...needed, name: column.name, number };
  });
  if (fields.some(({ number }) => number >= END_OF_COLUMNS)) {
    throw new RangeError(`view ${shape.view}: columns cannot have numbers from ${END_OF_COLUMNS} on`);
  }
  const used = new Set(fields.map(({ number }) => number));
  const names = new Set(fields.map(({ name }) => name));
  const proto = write(shape, {
    fields,
    reservedNumbers: [...given.reservedNumbers, ...given.fields.map(({ number }) => number)].filter(
      (number) => !used.has(number),
    ),
    // A column that comes back gets its name again, but no number that it had.
    reservedNames: [...given.reservedNames, ...given.fields.map(({ name }) => name)].filter(
      (name) => !names.has(name),
    ),
  });
  return { proto, compiled: compile(proto).toJSON() };
}

/** A field may become required or optional under its number, since either reads the other's bytes. */
const isSameOnTheWire = (before: ProtoField, needed: ProtoField): boolean =>
  before.type === needed.type && (before.rule === 'repeated') === (needed.rule === 'repeated');

function assertNames(view: string, names: string[]): void {
  const refused = names.filter((name) => !IDENTIFIER.test(name) || Object.hasOwn(CHANGE_FIELDS, name));
  if (refused.length === 0) return;
  const listed = refused.map((name) => JSON.stringify(name)).join(', ');
  throw new RangeError(
    `view ${view}: ${listed} can be no field of a protobuf message: rename the column in the view`,
  );
}

function* freeNumbers({ fields, reservedNumbers }: Given): Generator<number, never> {
  const highest = Math.max(0, ...fields.map(({ number }) => number), ...reservedNumbers);
  for (let number = highest + 1; ; number += 1) yield number;
}

function write({ view, target }: TableShape, { fields, reservedNumbers, reservedNames }: Given): string {
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
  return `// The rows of ${view} as the Storage Write API takes them. Written by \`npm run generate\` from the view's columns; a field's
// number is for good: that of a column which is gone, or became another type, stays reserved.
syntax = "proto2";

message ${messageName(target)} {
${[...reserved, ...fields.map(declaration)].join('\n')}

  // What is done to the row, and which change of a key is the last one.
${changeFields.join('\n')}
}
`;
}

const byValue = (a: number, b: number): number => a - b;

/** `pm_item` becomes `PmItem`. */
const messageName = (target: string): string =>
  target.replaceAll(/(?:^|_)([A-Za-z])/g, (_, letter: string) => letter.toUpperCase());

function givenBy(proto: string): Given {
  const [message] = compile(proto).nestedArray;
  if (!(message instanceof protobuf.Type)) throw new TypeError('a .proto must hold one message');
  const given: Given = { fields: [], reservedNumbers: [], reservedNames: [] };
  for (const { name, id, type, repeated } of message.fieldsArray) {
    if (Object.hasOwn(CHANGE_FIELDS, name)) continue;
    given.fields.push({
      name,
      number: id,
      type: type as ProtoField['type'],
      rule: repeated ? 'repeated' : 'optional',
    });
  }
  for (const reserved of message.reserved ?? []) {
    if (typeof reserved === 'string') given.reservedNames.push(reserved);
    else
      for (let number = reserved[0] ?? 0; number <= (reserved[1] ?? 0); number += 1)
        given.reservedNumbers.push(number);
  }
  return given;
}

const compile = (proto: string): protobuf.Root => protobuf.parse(proto, { keepCase: true }).root;
