import protobuf from 'protobufjs/light.js';
import type { TableShape } from '../model/columns.ts';
import { type MessageDescriptor, messageDescriptor } from './message-descriptor.ts';

/** The protobuf message that carries the rows of one batch. */
export type StreamMessage = { type: protobuf.Type; descriptor: MessageDescriptor };

/** The message for rows with these columns. */
export const streamMessage = (shape: TableShape): StreamMessage => messageOf(messageDescriptor(shape));

/** The message that a descriptor describes, as `messageDescriptor` made it. */
export function messageOf(descriptor: MessageDescriptor): StreamMessage {
  const name = String(descriptor.name);
  const entries = (descriptor.field ?? []).map((field) => [
    field.name,
    {
      id: field.number,
      rule: String(field.label).slice('LABEL_'.length).toLowerCase(),
      type: String(field.type).slice('TYPE_'.length).toLowerCase(),
    },
  ]);
  const message = { edition: 'proto2', fields: Object.fromEntries(entries) };
  const type = protobuf.Root.fromJSON({ nested: { [name]: message } })
    .resolveAll()
    .lookupType(name);
  return { type, descriptor };
}
