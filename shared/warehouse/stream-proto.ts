import type { TableShape } from '../model/columns.ts';
import { messageDescriptor } from './message-descriptor.ts';
import { CHANGE_FIELDS } from './proto-field.ts';

/** The text of a .proto with the message that the functions build for the rows of a streamed view. */
export function streamProto(shape: TableShape): string {
  const { name, field: fields } = messageDescriptor(shape);
  const declarations = (fields ?? []).map((field) => {
    const [rule, type] = [field.label, field.type].map((text) =>
      String(text)
        .replace(/^[A-Z]+_/, '')
        .toLowerCase(),
    );
    return { name: String(field.name), text: `  ${rule} ${type} ${field.name} = ${field.number};` };
  });
  const isChange = (field: { name: string }): boolean => Object.hasOwn(CHANGE_FIELDS, field.name);
  const lines = (some: typeof declarations): string => some.map(({ text }) => text).join('\n');
  return `syntax = "proto2";

message ${name} {
${lines(declarations.filter((field) => !isChange(field)))}

  // The change of the row, and its place in the order of changes to the same key.
${lines(declarations.filter(isChange))}
}
`;
}
