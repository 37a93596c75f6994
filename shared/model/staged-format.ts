/** The formats of staged objects. */
export const STAGED_FORMATS = ['avro', 'protobuf', 'ndjson'] as const;
export type StagedFormat = (typeof STAGED_FORMATS)[number];

/** Objects that a load job reads. */
export type LoadedFiles = { uris: string[]; format: StagedFormat };
