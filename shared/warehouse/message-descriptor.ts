import type { protos } from '@google-cloud/bigquery-storage';
import type { TableShape } from '../model/columns.ts';
import { CHANGE_FIELDS, type ProtoField, protoField } from './proto-field.ts';
import { targetColumns } from './tables-sql.ts';

/** The `protoDescriptor` for Google's `Writer`, which describes a message to the Storage Write API. */
export type MessageDescriptor = protos.google.protobuf.IDescriptorProto;

type Label = keyof typeof protos.google.protobuf.FieldDescriptorProto.Label;
type Type = keyof typeof protos.google.protobuf.FieldDescriptorProto.Type;
type NumberedField = ProtoField & { name: string; number: number };

const CHANGES = Object.entries(CHANGE_FIELDS);
const FIRST_CHANGE = Math.min(...Object.values(CHANGE_FIELDS));

/**
 * Describes the proto2 message for rows with these columns, the same for the same columns. Its fields have the numbers of their places: every
 * connection sends the descriptor, and a manifest keeps it beside the messages.
 *
 * The `toDescriptor` of protobufjs marks every field as packed and leaves reserved ranges empty, which makes the descriptor invalid. The
 * server needs neither.
 */
export function messageDescriptor(shape: TableShape): MessageDescriptor {
  return {
    name: messageName(shape.target),
    field: messageFields(shape).map((field) => ({
      name: field.name,
      number: field.number,
      label: `LABEL_${field.rule.toUpperCase()}` as Label,
      type: `TYPE_${field.type.toUpperCase()}` as Type,
    })),
  };
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
