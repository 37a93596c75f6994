/** A part of a view: the rows whose key, as text, lies in [from, to) by the order of the key's type. Null stands for an open end. */
export type Slice = { from: string | null; to: string | null };

export const WHOLE: Slice = { from: null, to: null };
