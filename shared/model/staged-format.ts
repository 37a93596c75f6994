/** The formats of staged objects. */
export const STAGED_FORMATS = ['avro', 'protobuf', 'ndjson'] as const;
export type StagedFormat = (typeof STAGED_FORMATS)[number];

/** Objects that a load job reads. */
export type LoadedFiles = { uris: string[]; format: StagedFormat };

/** One staged object; `bytes` is its stored, compressed size. */
export type StagedObject = { name: string; rows: number; bytes: number; md5: string };
