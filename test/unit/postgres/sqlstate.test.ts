import assert from 'node:assert/strict';
import pg from 'pg';
import { ADVICE, DataHubError } from '../../../shared/errors.ts';
import { quoteIdentifier, quoteLiteral } from '../../../shared/postgres/quote.ts';
import { fromPostgres } from '../../../shared/postgres/sqlstate.ts';

const coded = (code: string, message = 'what the server said', routine?: string) =>
  Object.assign(new Error(message), { code, routine });

describe('an error of PostgreSQL', () => {
  for (const [what, thrown, kind] of [
    ['a wrong password', coded('28P01'), 'unauthorized'],
    ['a missing privilege', coded('42501'), 'unauthorized'],
    ['a missing table', coded('42P01'), 'configuration'],
    ['a missing database', coded('3D000'), 'configuration'],
    ['a read-only server', coded('25006'), 'configuration'],
    ['a serialization failure', coded('40001'), 'transient'],
    ['a deadlock', coded('40P01'), 'transient'],
    ['a statement timeout', coded('57014'), 'transient'],
    ['a server that is shutting down', coded('57P01'), 'transient'],
    ['a server without connections left', coded('53300'), 'transient'],
    ['a broken connection', coded('08006'), 'transient'],
    ['a refused connection', coded('ECONNREFUSED'), 'transient'],
    ['a connection that timed out', new Error('timeout exceeded when trying to connect'), 'transient'],
    ['a materialized view without data', coded('55000'), 'configuration'],
    ['a foreign table that cannot be read', coded('HV00B'), 'configuration'],
    ['a foreign table whose server cannot be reached', coded('HV00N'), 'transient'],
    ['a value out of range', coded('22003'), 'bad_data'],
    ['a subquery that returned several rows', coded('21000'), 'bad_data'],
    ['an error that a function raised', coded('P0001'), 'bad_data'],
    ['a syntax error in our SQL', coded('42601'), 'bug'],
    ['a constraint violation', coded('23514'), 'bug'],
    ['a bug of this project', new TypeError('x is not a function'), 'bug'],
    ['a thrown text', 'text', 'bug'],
  ] as const) {
    it(`is ${kind} for ${what}`, () => {
      assert.equal(fromPostgres(thrown, 'source').kind, kind);
    });
  }

  it("names the database, the server's message and its code", () => {
    const error = fromPostgres(coded('42P01', 'relation "x" does not exist'), 'control');

    assert.equal(error.message, 'control database: relation "x" does not exist');
    assert.equal(error.context.code, '42P01');
  });

  for (const [code, message, shown] of [
    [
      '22P02',
      'invalid input syntax for type integer: "it is "secret""',
      'invalid input syntax for type integer: "…"',
    ],
    [
      '22003',
      'value "99999999999" is out of range for type integer',
      'value "…" is out of range for type integer',
    ],
    ['22012', 'division by zero', 'division by zero'],
    [
      '22021',
      'invalid byte sequence for encoding "UTF8": 0x00',
      'invalid byte sequence for encoding "UTF8": 0x00',
    ],
    ['42P01', 'relation "x" does not exist', 'relation "x" does not exist'],
    [
      '21000',
      'more than one row returned by a subquery used as an expression',
      'more than one row returned by a subquery used as an expression',
    ],
    [
      '22P02',
      'ungültige Eingabesyntax für Typ integer: »Müller«',
      'ungültige Eingabesyntax für Typ integer…',
    ],
    [
      '22P02',
      'syntaxe en entrée invalide pour le type integer : « Müller »',
      'syntaxe en entrée invalide pour le type integer …',
    ],
    ['22P02', '整数型の入力構文が不正です: "Müller"', '整数型の入力構文が不正です: "…"'],
    [
      '22023',
      'requested character too large for encoding: 1114112',
      'requested character too large for encoding…',
    ],
    ['54000', 'string too long 123456', 'string too long …'],
  ] as const) {
    it(`shows no value of a row: ${message}`, () => {
      assert.equal(fromPostgres(coded(code, message), 'source').message, `source database: ${shown}`);
    });
  }

  for (const [code, message, routine] of [
    ['P0001', 'no tariff for Müller', 'exec_stmt_raise'],
    ['22023', 'no tariff for Müller', 'exec_stmt_raise'],
    ['42P01', 'no tariff for Müller', 'exec_stmt_raise'],
    ['T0001', 'no tariff for Müller', 'exec_stmt_raise'],
    ['42601', 'syntax error at or near "Müller"', 'scanner_yyerror'],
    ['XX000', 'spiexceptions: Müller', 'PLy_elog'],
    ['23514', 'Müller', 'domain_check_input'],
  ] as const) {
    it(`shows state and routine of ${code} instead of a text that may be anything`, () => {
      const shown = fromPostgres(coded(code, message, routine), 'source').message;

      assert.ok(shown.startsWith(`source database: error ${code} from ${routine};`), shown);
      assert.doesNotMatch(shown, /Müller/);
    });
  }

  it('shows the text of a connection that the operating system closed', () => {
    const closed = fromPostgres(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }), 'control');
    assert.equal(closed.message, 'control database: write EPIPE');
  });

  it('has advice for its own cause, not only for its kind', () => {
    const advice = ['25006', '3D000', '42703', '42883', '42P01', '55000', 'HV00N'].map(
      (code) => fromPostgres(coded(code), 'source').advice,
    );

    assert.equal(new Set([...advice, ADVICE.configuration]).size, advice.length + 1);
    assert.match(fromPostgres(coded('42501'), 'source').advice, /^Grant /);
    const lasting = ['53100', '53200', '55P03', '57014'].map(
      (code) => fromPostgres(coded(code), 'source').advice,
    );
    assert.equal(new Set([...lasting, ADVICE.transient]).size, lasting.length + 1);
    for (const each of lasting) assert.ok(each.startsWith(`${ADVICE.transient} If it lasts: `), each);
  });

  it('names every address of a failed connection', () => {
    const refused = Object.assign(
      new AggregateError([
        new Error('connect ECONNREFUSED ::1:5432'),
        new Error('connect ECONNREFUSED 127.0.0.1:5432'),
      ]),
      { code: 'ECONNREFUSED' },
    );

    const error = fromPostgres(refused, 'source');

    assert.match(error.message, /::1:5432; connect ECONNREFUSED 127\.0\.0\.1:5432/);
    assert.equal(error.kind, 'transient');
  });

  it('is returned unchanged when it is already classified', () => {
    const error = new DataHubError('superseded', 'x');

    assert.equal(fromPostgres(error, 'control'), error);
  });
});

describe('quoting for PostgreSQL', () => {
  it('doubles the quotes of an identifier', () => {
    assert.equal(quoteIdentifier('order'), '"order"');
    assert.equal(quoteIdentifier('Weird "name"'), '"Weird ""name"""');
  });

  it('writes literals as the driver does, including backslashes', () => {
    for (const text of ['', 'plain', "it's", 'back\\slash', "\\'; drop table x; --", 'zwei\nZeilen', '☂']) {
      assert.equal(quoteLiteral(text), pg.escapeLiteral(text).trimStart());
    }
  });
});
