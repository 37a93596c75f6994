import type { ParseKey } from './collapse-model.ts';

/** A key type: keys as PostgreSQL prints them, other spellings of them, and object ids that are not keys. */
export type KeyCase = {
  keys: readonly string[];
  spellings: readonly ((key: string) => string)[];
  badKeys: readonly string[];
  parse: ParseKey;
};

const integerKeys = (keys: readonly string[], low: bigint, high: bigint): KeyCase => ({
  keys,
  spellings: [
    (key) => ` ${key}\n`,
    (key) => (key.startsWith('-') ? key : `+${key}`),
    (key) => key.replace(/\d/, '0$&'),
  ],
  // U+3000, U+00A0 and Thai digits count as space and digits to many regular expressions, but not to PostgreSQL's integers.
  badKeys: [
    '',
    'x',
    '1.5',
    '1e3',
    '1_0',
    `${high + 1n}`,
    `${low - 1n}`,
    '9'.repeat(40),
    '\u30001',
    '1\u00a0',
    '๑',
  ],
  parse: (objectId) => {
    if (!/^[ \t\n\v\f\r]*[-+]?[0-9]{1,20}[ \t\n\v\f\r]*$/.test(objectId)) return null;
    const value = BigInt(objectId.trim().replace('+', ''));
    return value >= low && value <= high ? String(value) : null;
  },
});

const UUIDS = ['0', '1', '2', '9', 'a', 'f'].map(
  (digit) => `${digit.repeat(8)}-1111-4111-8111-${digit.repeat(12)}`,
);

export const KEY_CASES = {
  bigint: integerKeys(
    ['1', '2', '-3', '0', '9007199254740993', '-9223372036854775808'],
    -(2n ** 63n),
    2n ** 63n - 1n,
  ),
  integer: integerKeys(['1', '2', '-3', '0', '2147483647', '77'], -(2n ** 31n), 2n ** 31n - 1n),
  smallint: integerKeys(['1', '2', '-3', '0', '32767', '77'], -(2n ** 15n), 2n ** 15n - 1n),
  uuid: {
    keys: UUIDS,
    spellings: [(key) => key.toUpperCase(), (key) => key.replaceAll('-', '')],
    badKeys: ['', '1', UUIDS[0]?.slice(1) ?? '', `${UUIDS[0]}0`, 'g'.repeat(32)],
    parse: (objectId) => {
      const parts = /^([0-9a-f]{8})-?([0-9a-f]{4})-?([0-9a-f]{4})-?([0-9a-f]{4})-?([0-9a-f]{12})$/i.exec(
        objectId,
      );
      return parts === null ? null : parts.slice(1).join('-').toLowerCase();
    },
  },
  text: {
    keys: ['a', 'A', '', ' a', `it's {1,"2"} \\ NULL`, 'กุญแจ'],
    spellings: [],
    badKeys: [],
    parse: (objectId) => objectId,
  },
} satisfies Record<string, KeyCase>;
