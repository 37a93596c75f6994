/** Somebody who calls by hand. */
export const BY_CALL = { via: 'call', by: null, why: null, requestId: 'test' } as const;
