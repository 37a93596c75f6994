import protobuf from 'protobufjs/light.js';
import type { Manifest } from '../manifest.ts';

type Field = { name?: unknown; number?: unknown; type?: unknown };

const WIRE_TYPE_BITS = 3;
const WIRE_TYPE = 7;

/** Returns a function that reads the value of a column, a number or a text, from messages with this descriptor. Throws a RangeError without such a field. */
export function keyOfMessage(
  descriptor: Manifest['descriptor'],
  column: string,
): (message: Uint8Array) => string {
  const fields = (descriptor?.field ?? []) as Field[];
  const found = fields.find(({ name }) => name === column);
  if (found === undefined) throw new RangeError(`the messages have no field ${column}`);
  return (message) => {
    const reader = protobuf.Reader.create(message);
    while (reader.pos < reader.len) {
      const tag = reader.uint32();
      if (tag >>> WIRE_TYPE_BITS !== found.number) reader.skipType(tag & WIRE_TYPE);
      else return found.type === 'TYPE_STRING' ? reader.string() : String(reader.int64());
    }
    return '';
  };
}
