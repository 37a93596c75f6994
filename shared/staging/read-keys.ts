import type { Readable } from 'node:stream';
import { avroRecords } from './format/avro-records.ts';
import type { Manifest } from './manifest.ts';
import type { MessageBlock } from './read-messages.ts';

/** How the stored objects of a batch are read. */
export type ObjectReader = {
  bytes: () => Promise<Readable>;
  lines: () => AsyncIterable<string[]>;
  messages: () => AsyncIterable<MessageBlock>;
};

/** Yields the key of each row of a staged object as text, in groups: the digits of a number, or the characters of a text. */
export async function* readKeys(
  { format, descriptor }: Pick<Manifest, 'format' | 'descriptor'>,
  column: string,
  object: ObjectReader,
): AsyncGenerator<string[]> {
  switch (format) {
    case 'ndjson':
      for await (const lines of object.lines()) yield lines.map((line) => String(rowOf(line)[column]));
      return;
    case 'avro':
      for await (const record of avroRecords(await object.bytes())) yield [String(record[column])];
      return;
    case 'protobuf': {
      const { keyOfMessage } = await import('./format/message-keys.ts');
      const keyOf = keyOfMessage(descriptor, column);
      for await (const { messages } of object.messages()) yield messages.map(keyOf);
    }
  }
}

const rowOf = (line: string): Record<string, unknown> =>
  JSON.parse(line, exactNumbers as (name: string, value: unknown) => unknown) as Record<string, unknown>;

/** A 64-bit number as its digits. Node passes the text of each number. */
const exactNumbers = (_name: string, value: unknown, { source }: { source?: string }): unknown =>
  typeof value === 'number' && source !== undefined ? source : value;
