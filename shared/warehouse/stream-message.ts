import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { protos } from '@google-cloud/bigquery-storage';
import protobuf from 'protobufjs/light.js';
import type { Column } from '../model/columns.ts';
import { CHANGE_FIELDS, protoField } from './proto-field.ts';

/** The protobuf message that carries the rows of one target, from proto/<target>.proto. */
export type StreamMessage = {
  type: protobuf.Type;
  /** The `protoDescriptor` for Google's `Writer`, which describes the message to the Storage Write API. */
  descriptor: protos.google.protobuf.IDescriptorProto;
};

type Label = keyof typeof protos.google.protobuf.FieldDescriptorProto.Label;
type Type = keyof typeof protos.google.protobuf.FieldDescriptorProto.Type;

/** Reads the compiled message of a target. Returns null when proto/ has none, as for merged targets. */
export async function loadStreamMessage(target: string): Promise<StreamMessage | null> {
  const file = fileURLToPath(import.meta.resolve(`#proto/${target}.json`));
  const compiled = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw error;
  });
  return compiled === null ? null : streamMessage(JSON.parse(compiled) as protobuf.INamespace);
}

/** Returns the only message of a compiled .proto. Throws a TypeError, a bug, for a file with anything else. */
export function streamMessage(compiled: protobuf.INamespace): StreamMessage {
  const root = protobuf.Root.fromJSON(compiled).resolveAll();
  const [type, ...others] = root.nestedArray;
  if (!(type instanceof protobuf.Type) || others.length > 0) {
    throw new TypeError('a compiled .proto must contain one message and nothing else');
  }
  return { type, descriptor: describe(type) };
}

/**
 * The `toDescriptor` of protobufjs marks every field as packed and leaves reserved ranges empty, which makes the descriptor invalid. The
 * server needs neither.
 */
function describe({ name, fieldsArray }: protobuf.Type): StreamMessage['descriptor'] {
  return {
    name,
    field: fieldsArray.map((field) => ({
      name: field.name,
      number: field.id,
      label: `LABEL_${ruleOf(field).toUpperCase()}` as Label,
      type: `TYPE_${field.type.toUpperCase()}` as Type,
    })),
  };
}

/** Describes how the message differs from what the target's columns need, one sentence for each difference. Order and numbers do not matter. */
export function messageDifferences(columns: readonly Column[], { type }: StreamMessage): string[] {
  const expected = new Map<string, string>([
    ...columns.map((column) => [column.name, declaration(protoField(column))] as const),
    ...Object.keys(CHANGE_FIELDS).map((name) => [name, 'required string'] as const),
  ]);
  const differences = [...expected].flatMap(([name, needed]) => {
    const field = Object.hasOwn(type.fields, name) ? type.fields[name] : undefined;
    if (field === undefined) return [`field ${name} (${needed}) is missing`];
    const found = declaration({ rule: ruleOf(field), type: field.type });
    return found === needed ? [] : [`field ${name} is ${found} instead of ${needed}`];
  });
  const unknown = type.fieldsArray.filter(({ name }) => !expected.has(name));
  return [...differences, ...unknown.map(({ name }) => `field ${name} is not a column of the target`)];
}

const declaration = ({ rule, type }: { rule: string; type: string }): string => `${rule} ${type}`;

function ruleOf(field: protobuf.Field): 'required' | 'optional' | 'repeated' {
  if (field.repeated) return 'repeated';
  return field.required ? 'required' : 'optional';
}
