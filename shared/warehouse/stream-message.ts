import type { protos } from '@google-cloud/bigquery-storage';
import protobuf from 'protobufjs/light.js';
import type { TableShape } from '../model/columns.ts';
import { CHANGE_FIELDS, type ProtoField, protoField } from './proto-field.ts';
import { targetColumns } from './tables-sql.ts';

/** The protobuf message that carries the rows of one batch. */
export type StreamMessage = {
  type: protobuf.Type;
  /** The `protoDescriptor` for Google's `Writer`, which describes the message to the Storage Write API. */
  descriptor: protos.google.protobuf.IDescriptorProto;
};

type Label = keyof typeof protos.google.protobuf.FieldDescriptorProto.Label;
type Type = keyof typeof protos.google.protobuf.FieldDescriptorProto.Type;
type NumberedField = ProtoField & { name: string; number: number };

const CHANGES = Object.entries(CHANGE_FIELDS);
const FIRST_CHANGE = Math.min(...Object.values(CHANGE_FIELDS));

/**
 * Returns the proto2 message for rows with these columns, the same for the same columns. Its fields have the numbers of their places: every
 * connection sends the descriptor, and nobody stores a message.
 */
export function streamMessage(shape: TableShape): StreamMessage {
  const name = messageName(shape.target);
  const fields = messageFields(shape);
  return { type: typeOf(name, fields), descriptor: describe(name, fields) };
}

/** The message that a descriptor describes, as `streamMessage` made it. */
export function messageOf(descriptor: StreamMessage['descriptor']): StreamMessage {
  const fields = (descriptor.field ?? []).map(({ name, number, label, type }) => ({
    name: String(name),
    number: Number(number),
    rule: String(label).slice('LABEL_'.length).toLowerCase() as ProtoField['rule'],
    type: String(type).slice('TYPE_'.length).toLowerCase() as ProtoField['type'],
  }));
  return { type: typeOf(String(descriptor.name), fields), descriptor };
}

function messageFields(shape: TableShape): NumberedField[] {
  const columns = targetColumns(shape).map((column, index) => {
    const place = index + 1;
    // A table may have 2,000 columns: those after 990 come after the change fields.
    const number = place < FIRST_CHANGE ? place : place + CHANGES.length;
    return { ...protoField(column), name: column.name, number };
  });
  const changes = CHANGES.map(
    ([name, number]): NumberedField => ({ rule: 'required', type: 'string', name, number }),
  );
  return [...columns, ...changes];
}

/** `pm_item` becomes `PmItem`. */
const messageName = (target: string): string =>
  target.replaceAll(/(?:^|_)([A-Za-z])/g, (_, letter: string) => letter.toUpperCase());

function typeOf(name: string, fields: readonly NumberedField[]): protobuf.Type {
  const entries = fields.map(({ name: field, number, rule, type }) => [field, { id: number, rule, type }]);
  const message = { edition: 'proto2', fields: Object.fromEntries(entries) };
  return protobuf.Root.fromJSON({ nested: { [name]: message } })
    .resolveAll()
    .lookupType(name);
}

/**
 * The `toDescriptor` of protobufjs marks every field as packed and leaves reserved ranges empty, which makes the descriptor invalid. The
 * server needs neither.
 */
function describe(name: string, fields: readonly NumberedField[]): StreamMessage['descriptor'] {
  return {
    name,
    field: fields.map((field) => ({
      name: field.name,
      number: field.number,
      label: `LABEL_${field.rule.toUpperCase()}` as Label,
      type: `TYPE_${field.type.toUpperCase()}` as Type,
    })),
  };
}
