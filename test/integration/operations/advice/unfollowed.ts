/** Places that make an error, by file and a text in the error, and why no test follows their advice. */
export const UNFOLLOWED: readonly (readonly [file: string, text: string, why: string])[] = [];
