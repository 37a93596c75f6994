import assert from 'node:assert/strict';
import { DataHubError } from '../../../shared/errors.ts';
import type { ViewSource } from '../../../shared/model/view-source.ts';
import { inspectView } from '../../../shared/source/inspect-view.ts';
import { makeViewSource } from './make-view-source.ts';
import { CONTENT_TYPE_TABLE, LOG_TABLE, useSource } from './use-source.ts';

/** A library: books of publishers and authors, loans, and readers with one card each. Django names the tables after the models. */
const SCHEMA = `
  create table library_publisher (id bigint primary key, name text);
  create table library_author (id bigint primary key, name text, mentor_id bigint references library_author);
  create table library_country (id bigint primary key, name text);
  alter table library_publisher add country_id bigint references library_country;
  create table library_book (id bigint primary key, isbn text unique, title text, due date, added timestamptz,
    publisher_id bigint references library_publisher, author_id bigint references library_author,
    editor_id bigint references library_author);
  create table library_loan (id bigint primary key, book_id bigint references library_book, returned boolean);
  create table library_audiobook (book_ptr_id bigint primary key references library_book, minutes integer);
  create table auth_user (id bigint primary key, username text);
  create table "CARD_CATALOG" (id bigint primary key, title text);
  insert into django_content_type (id, app_label, model) values (20, 'library', 'book'), (21, 'library', 'loan'),
    (22, 'library', 'publisher'), (23, 'library', 'author'), (24, 'auth', 'user'), (25, 'library', 'card'), (26, 'library', 'audiobook');
  create view book_view as select id as book_id, title from library_book;`;

const entry = (table: string, model: string, column: string) =>
  JSON.stringify({ table, app_label: 'library', model, column });

const TYPES = { 'library.book': 20, 'library.loan': 21, 'auth.user': 24, 'library.card': 25 } as const;

describe('inspecting a view source', () => {
  const source = useSource(SCHEMA);

  const inspectBooks = ({
    model = 'library.book',
    ...differing
  }: Partial<ViewSource> & { model?: keyof typeof TYPES } = {}) =>
    inspectView(
      source.pool,
      makeViewSource({
        name: 'book_view',
        mainTable: 'library_book',
        keyColumn: 'book_id',
        contentTypeId: TYPES[model],
        contentTypeNames: { [TYPES[model]]: model, 22: 'library.publisher', 23: 'library.author' },
        ...differing,
      }),
      { contentTypeTable: CONTENT_TYPE_TABLE, changeLogTable: LOG_TABLE },
    );

  async function inspectQuery(query: string, differing: Parameters<typeof inspectBooks>[0] = {}) {
    await source.pool.query(`drop view if exists tried; create view tried as ${query}`);
    return await inspectBooks({ name: 'tried', ...differing });
  }

  async function faultsOf(inspected: Promise<unknown>): Promise<string[]> {
    try {
      await inspected;
      return [];
    } catch (error) {
      assert.ok(error instanceof DataHubError, String(error));
      assert.equal(error.kind, 'configuration');
      return error.message.replace(/^view source \w+: /, '').split('; ');
    }
  }

  const assertFault = async (inspected: Promise<unknown>, fault: RegExp): Promise<void> => {
    const faults = await faultsOf(inspected);
    assert.equal(faults.length, 1, JSON.stringify(faults));
    assert.match(faults[0] ?? '', fault);
  };

  describe('finds that the main table is not that of the view:', () => {
    it('a table that the view does not use', async () => {
      await assertFault(
        inspectBooks({ mainTable: 'library_loan', model: 'library.loan' }),
        /view book_view does not depend on main table library_loan, only on library_book/,
      );
    });

    it('another table in place of the view', async () => {
      await assertFault(
        inspectBooks({ name: 'library_loan', keyColumn: 'id' }),
        /view library_loan does not depend on main table library_book/,
      );
    });

    it('but accepts one that the view uses through another view, a union, a subquery or a partitioned table', async () => {
      await source.pool.query('create or replace view below as select id as below, title from library_book');
      await inspectQuery('select below as book_id, title from below');
      await inspectQuery('select id as book_id from library_book union all select -1');
      await inspectQuery('with b as (select id from library_book) select id as book_id from b');
      await source.pool.query(`
        create table library_shelf (id bigint primary key) partition by range (id);
        create table library_shelf_1 partition of library_shelf for values from (0) to (9)`);
      await inspectQuery('select id as book_id from library_shelf_1', {
        mainTable: 'library_shelf',
        contentTypeNames: {},
      });
    });

    it('and says that it cannot know if only a function may read it', async () => {
      await source.pool.query(`create or replace function books() returns setof bigint stable language sql as
        'select id from library_book'`);
      const { notes } = await inspectQuery('select b as book_id from books() b');
      assert.match(notes[0]?.message ?? '', /uses books\(\): the catalog does not show which tables/);
    });
  });

  describe('finds that the key is not the key of the main table:', () => {
    for (const [what, query] of [
      ['another column of it', 'select publisher_id as book_id from library_book'],
      ['a unique column of it', 'select isbn as book_id from library_book'],
      [
        'the key of another table',
        'select p.id as book_id from library_book b join library_publisher p on p.id = b.publisher_id',
      ],
    ] as const) {
      it(`${what}, also through a view, a subquery or a common table expression`, async () => {
        const fault = /key book_id shows column \w+ of .*, but log rows name (its|the) primary key id/;
        const options = { ignoredDependencies: ['library_publisher'] };
        await assertFault(inspectQuery(query, options), fault);
        await source.pool.query(
          `drop view if exists tried; drop view if exists keyed; create view keyed as ${query}`,
        );
        await assertFault(inspectQuery('select book_id from keyed', options), fault);
        await assertFault(inspectQuery(`select s.book_id from (${query}) s`, options), fault);
        await assertFault(inspectQuery(`with s as (${query}) select book_id from s`, options), fault);
        await source.pool.query('drop view tried; drop view keyed');
      });
    }

    it('but accepts a foreign key to it, the key of the table that it inherits from, and an expression', async () => {
      await inspectQuery('select l.book_id from library_loan l join library_book b on b.id = l.book_id', {
        ignoredDependencies: ['library_loan'],
      });
      await inspectQuery(
        'select b.id as book_id, a.minutes from library_audiobook a join library_book b on b.id = a.book_ptr_id',
        { mainTable: 'library_audiobook', contentTypeNames: {}, ignoredDependencies: ['library_book'] },
      );
      await inspectQuery('select id::text as book_id from library_book');
      await inspectQuery(
        'select exists (select 1, a.minutes from library_audiobook a) as m, id as book_id from library_book',
        {
          ignoredDependencies: ['library_audiobook'],
        },
      );
    });
  });

  describe('finds that the model is not that of the table:', () => {
    const log = (type: number, ids: (number | string)[], action = 'changed') =>
      source.pool.query(
        `insert into ${LOG_TABLE} (object_id, content_type_id, action) select id, $1, $3 from unnest($2::text[]) id`,
        [type, ids.map(String), action],
      );

    beforeEach(() =>
      source.pool.query(
        `truncate ${LOG_TABLE}, library_book cascade; insert into library_book (id) values (1), (2), (3)`,
      ),
    );

    it('a model with a table of its own, even if its objects have the keys of rows', async () => {
      await log(24, [1, 2, 3]);
      await assertFault(
        inspectBooks({ model: 'auth.user' }),
        /main table library_book: model auth.user is the model of table auth_user: configure the model whose rows library_book holds/,
      );
    });

    it('a model whose newest objects are not in the table', async () => {
      await log(25, [1, 4, 5, 6]);
      await assertFault(
        inspectBooks({ model: 'library.card' }),
        /main table library_book: model library.card seems to be another table's, since only 1 of the newest 4 objects/,
      );
    });

    it('the model of a lookup', async () => {
      await source.pool.query(`create or replace view published as
        select b.id as book_id, p.name from library_book b left join library_publisher p on p.id = b.publisher_id`);
      const lookup = { table: 'library_publisher', column: 'publisher_id' };
      await assertFault(
        inspectBooks({ name: 'published', lookups: [{ ...lookup, contentTypeId: 23 }] }),
        /lookup table library_publisher: model library.author is the model of table library_author/,
      );
      await inspectBooks({ name: 'published', lookups: [{ ...lookup, contentTypeId: 22 }] });
    });

    it('but accepts a table of another name whose rows the log names, deleted ones aside', async () => {
      await source.pool.query('insert into "CARD_CATALOG" (id) values (4), (5) on conflict do nothing');
      await log(25, [4, 5]);
      await log(25, [90, 91, 92, 93], 'deleted');
      const cards = {
        mainTable: 'CARD_CATALOG',
        keyColumn: 'id',
        name: 'cards',
        model: 'library.card',
      } as const;
      await source.pool.query('create or replace view cards as select id, title from "CARD_CATALOG"');
      assert.deepEqual((await inspectBooks(cards)).notes, []);

      await source.pool.query(`truncate ${LOG_TABLE}`);
      const { notes } = await inspectBooks(cards);
      assert.match(notes[0]?.message ?? '', /nothing shows yet that model library.card is its model/);
    });
  });

  describe('finds a table whose changes nobody follows,', () => {
    const PUBLISHED = `select b.id as book_id, p.name
      from library_book b left join library_publisher p on p.id = b.publisher_id`;
    const AUTHORED = `select b.id as book_id, a.name as author, e.name as editor from library_book b
      left join library_author a on a.id = b.author_id left join library_author e on e.id = b.editor_id`;
    const authors = (column: string) => ({ table: 'library_author', contentTypeId: 23, column });

    it('with the entry to paste', async () => {
      await assertFault(
        inspectQuery(PUBLISHED),
        new RegExp(
          `view tried depends on library_publisher, whose changes nobody follows: add to lookups ${entry('library_publisher', 'publisher', 'publisher_id')}, or, if .*"ignored_dependencies": \\["library_publisher"\\]`,
        ),
      );
    });

    it('for each column that points at it', async () => {
      await assertFault(
        inspectQuery(AUTHORED),
        new RegExp(
          `add to lookups ${entry('library_author', 'author', 'author_id')}, ${entry('library_author', 'author', 'editor_id')}, or`,
        ),
      );
      await assertFault(
        inspectQuery(AUTHORED, { lookups: [authors('author_id')] }),
        new RegExp(`add to lookups ${entry('library_author', 'author', 'editor_id')}, or`),
      );
      await inspectQuery(AUTHORED, { lookups: [authors('author_id'), authors('editor_id')] });
    });

    it('once if the view only shows the other column', async () => {
      await inspectQuery(
        'select b.id as book_id, b.editor_id, a.name from library_book b left join library_author a on a.id = b.author_id',
        { lookups: [authors('author_id')] },
      );
    });

    it('behind another view, in a subquery or in the WHERE clause', async () => {
      await source.pool.query(
        `drop view if exists tried; drop view if exists deep; create view deep as ${PUBLISHED}`,
      );
      for (const query of [
        'select book_id from deep',
        'select id as book_id, (select name from library_publisher p where p.id = publisher_id) from library_book',
        'select id as book_id from library_book b where exists (select from library_publisher p where p.id = b.publisher_id)',
      ]) {
        await assertFault(inspectQuery(query), /depends on library_publisher, whose changes nobody follows/);
      }
    });

    it('and says so if no foreign key leads to it', async () => {
      await assertFault(
        inspectQuery(
          `select b.id as book_id, c.name from library_book b join library_publisher p on p.id = b.publisher_id
           join library_country c on c.id = p.country_id`,
          { lookups: [{ table: 'library_publisher', contentTypeId: 22, column: 'publisher_id' }] },
        ),
        /depends on library_country, whose changes nobody follows, and no foreign key of library_book points at it/,
      );
    });

    it('unless it is ignored, by name or with its schema', async () => {
      for (const name of ['library_publisher', 'public.library_publisher']) {
        await inspectQuery(PUBLISHED, { ignoredDependencies: [name] });
      }
      await assertFault(
        inspectQuery(PUBLISHED, { ignoredDependencies: ['library_loan'] }),
        /library_publisher/,
      );
    });

    it('and a lookup whose column points elsewhere', async () => {
      await assertFault(
        inspectQuery(PUBLISHED, {
          lookups: [{ table: 'library_publisher', contentTypeId: 22, column: 'author_id' }],
          ignoredDependencies: ['library_publisher'],
        }),
        /lookup library_publisher: column author_id of library_book points at another table, not at library_publisher/,
      );
    });

    it('by the column that the view joins, not by another one that points at it, nor by the key', async () => {
      const query = `select b.id as book_id, a.name from library_book b left join library_author a on a.id = b.author_id`;
      for (const column of ['editor_id', 'id']) {
        await assertFault(
          inspectQuery(query, { lookups: [authors(column)] }),
          new RegExp(`add to lookups ${entry('library_author', 'author', 'author_id')}, or`),
        );
      }
    });

    it('itself among them, if its rows point at others of it', async () => {
      const mentored = `select a.id as book_id, m.name from library_author a left join library_author m on m.id = a.mentor_id`;
      const main = { mainTable: 'library_author', contentTypeId: 23 };
      await assertFault(
        inspectQuery(mentored, main),
        new RegExp(`add to lookups ${entry('library_author', 'author', 'mentor_id')}, or`),
      );
      await inspectQuery(mentored, { ...main, lookups: [authors('mentor_id')] });
    });
  });

  describe('warns that a deletion may leave NULL without a log row', () => {
    const shown = 'select id as book_id, publisher_id from library_book';
    const publishers = { table: 'library_publisher', contentTypeId: 22, column: 'publisher_id' };
    const warningsOf = async (query: string, differing: Parameters<typeof inspectBooks>[0] = {}) => {
      const { notes } = await inspectQuery(query, differing);
      assert.ok(notes.every(({ ok }) => ok === false));
      return notes;
    };

    it('in a foreign key that the view shows, with the entry to paste', async () => {
      const [warning, ...more] = await warningsOf(shown);

      assert.equal(
        warning?.message,
        'view tried uses publisher_id of library_book: if a deletion in library_publisher leaves NULL there (on_delete=SET_NULL), no log row names these rows',
      );
      assert.equal(
        warning?.advice,
        'Add to lookups {"table":"library_publisher","app_label":"library","model":"publisher","column":"publisher_id"}, or, if that cannot happen, "ignored_dependencies": ["library_publisher"].',
      );
      assert.deepEqual(more, []);
    });

    it('also in an expression, a condition, another view, a whole row, or if the view is the table', async () => {
      await source.pool.query(`drop view if exists tried; create or replace view shown_below as ${shown}`);
      for (const query of [
        'select id as book_id, publisher_id is null as has_none from library_book',
        'select id as book_id from library_book where publisher_id > 3',
        'select book_id, publisher_id from shown_below',
      ]) {
        assert.equal((await warningsOf(query)).length, 1, query);
      }
      const whole = await warningsOf('select id as book_id, to_jsonb(b) as book from library_book b');
      assert.equal(whole.length, 3);
      const { notes } = await inspectBooks({ name: 'library_book', keyColumn: 'id' });
      assert.equal(notes.length, 3);
    });

    it('in a foreign key of a lookup, which no lookup can follow', async () => {
      const [warning, ...more] = await warningsOf(
        `select b.id as book_id, p.country_id from library_book b left join library_publisher p on p.id = b.publisher_id`,
        { lookups: [publishers] },
      );
      assert.match(
        warning?.message ?? '',
        /uses country_id of library_publisher: if a deletion in library_country/,
      );
      assert.match(
        warning?.advice ?? '',
        /^Resync the view after such a deletion: {"view":"tried","resync":true}, or, if that cannot happen, "ignored_dependencies": \["library_country"\]\.$/,
      );
      assert.deepEqual(more, []);
    });

    it('unless a lookup follows it, the table is ignored, or the column cannot be NULL', async () => {
      await warningsOf(shown, { lookups: [publishers] }).then((notes) => assert.deepEqual(notes, []));
      for (const name of ['library_publisher', 'public.library_publisher']) {
        assert.deepEqual(await warningsOf(shown, { ignoredDependencies: [name] }), []);
      }
      await source.pool.query(`create table library_page (id bigint primary key, book_id bigint not null references library_book);
        create table library_note (id bigint primary key, page_id bigint references library_page)`);
      const page = { mainTable: 'library_page', contentTypeNames: {} };
      assert.deepEqual(
        await warningsOf('select id as page_id, book_id from library_page', {
          ...page,
          keyColumn: 'page_id',
        }),
        [],
      );
    });

    it('and refuses a view of which the database itself would do so', async () => {
      await source.pool.query(
        'create table library_copy (id bigint primary key, book_id bigint references library_book on delete set null)',
      );
      const copy = { mainTable: 'library_copy', contentTypeNames: {} };
      const query = 'select id as book_id, book_id as of_book from library_copy';
      await assertFault(
        inspectQuery(query, copy),
        new RegExp(
          `view tried uses book_id of library_copy: a deletion in library_book leaves NULL there, and no log row names these rows: add to lookups ${entry('library_book', 'book', 'book_id')}, or, if that does not matter, "ignored_dependencies": \\["library_book"\\]`,
        ),
      );
      await inspectQuery(query, {
        ...copy,
        lookups: [{ table: 'library_book', contentTypeId: 20, column: 'book_id' }],
      });
    });
  });

  describe('warns that a view names a table more often than its lookups follow it:', () => {
    const authors = (column: string) => ({ table: 'library_author', contentTypeId: 23, column });
    const warningsOf = async (query: string, differing: Parameters<typeof inspectBooks>[0] = {}) => {
      const { notes } = await inspectQuery(query, differing);
      assert.ok(notes.every(({ ok }) => ok === false));
      return notes.map(({ message }) => message);
    };
    const MANAGED = `select b.id as book_id, a.name, m.name as manager from library_book b
      left join library_author a on a.id = b.author_id
      left join library_branch r on r.id = b.branch_id left join library_author m on m.id = r.manager_id`;
    const branches = { table: 'library_branch', contentTypeId: 27, column: 'branch_id' };

    before(() =>
      source.pool.query(`create table library_branch (id bigint primary key, manager_id bigint references library_author);
        insert into django_content_type (id, app_label, model) values (27, 'library', 'branch');
        alter table library_book add branch_id bigint references library_branch`),
    );
    after(() => source.pool.query('alter table library_book drop branch_id cascade'));

    it('once by its own column, and once by that of another table', async () => {
      const followed = { lookups: [authors('author_id'), branches] };
      assert.deepEqual(await warningsOf(MANAGED, followed), [
        'view tried names library_author 2 times, but lookups follow it by author_id only: other rows of it that a row shows may change without a log row that names that row',
      ]);
      assert.deepEqual(
        await warningsOf(MANAGED, { ...followed, ignoredDependencies: ['library_author'] }),
        [],
      );
    });

    it('the main table itself, also through a view that it names twice', async () => {
      await source.pool.query(
        'drop view if exists tried; create or replace view titled as select id, title, isbn from library_book',
      );
      for (const query of [
        'select b.id as book_id, c.title from library_book b left join library_book c on c.isbn = b.title',
        'select b.id as book_id, c.title from titled b left join titled c on c.isbn = b.title',
      ]) {
        assert.deepEqual(await warningsOf(query), [
          'view tried names its main table library_book 2 times: a row that shows another one of it changes with that one, but no log row names it',
        ]);
        assert.deepEqual(await warningsOf(query, { ignoredDependencies: ['library_book'] }), []);
      }
    });

    it('but not if these are the branches of a union', async () => {
      const branch = `select b.id as book_id, a.name from library_book b left join library_author a on a.id = b.author_id`;
      assert.deepEqual(
        await warningsOf(`${branch} where b.id > 1 union all ${branch} where b.id <= 1`, {
          lookups: [authors('author_id')],
        }),
        [],
      );
    });
  });

  describe('notes that rows change without a log row', () => {
    before(() =>
      source.pool.query(`
        create function dice() returns integer language sql as 'select 4';
        create function fixed(text) returns text immutable language sql return $1;
        create function called(text) returns text immutable language sql as 'select fixed($1)';
        create materialized view kept as select id, title from library_book;`),
    );

    for (const [expression, named] of [
      ['now()', 'now()'],
      ['current_date', 'current_date'],
      ['current_timestamp', 'current_timestamp'],
      ['localtime', 'localtime'],
      ['current_user', 'current_user'],
      ['due < current_date', 'current_date'],
      ['age(added)', 'age()'],
      ['random()', 'random()'],
      ['clock_timestamp()', 'clock_timestamp()'],
      ['dice()', 'dice()'],
      [`current_setting('TimeZone')`, 'current_setting()'],
    ] as const) {
      it(`by ${expression}`, async () => {
        for (const query of [
          `select id as book_id, ${expression} as value from library_book`,
          `select id as book_id from library_book where (${expression})::text <> ''`,
        ]) {
          const { notes } = await inspectQuery(query);
          assert.deepEqual(
            notes.map(({ message }) => message),
            [`view tried uses ${named}: its rows change without a write, and the log does not show it`],
          );
          assert.match(notes[0]?.advice ?? '', /"resync":true/);
        }
      });
    }

    for (const [query, named] of [
      ['select id as book_id, row_number() over (order by title) from library_book', 'a window function'],
      ['select id as book_id, count(*) from library_book group by id', 'an aggregate'],
      ['select id as book_id, (select max(id) from library_book) from library_book', 'an aggregate'],
      ['select id as book_id from library_book order by title limit 10', 'LIMIT or OFFSET'],
      ['select distinct on (title) id as book_id from library_book order by title, id', 'DISTINCT ON'],
    ] as const) {
      it(`of its own: ${query}`, async () => {
        const { notes } = await inspectQuery(query);
        assert.deepEqual(
          notes.map(({ message }) => message),
          [
            `view tried uses ${named}: a row changes when other rows are written, and the log names only those`,
          ],
        );
      });
    }

    it('behind another view, and by the refresh of a materialized one', async () => {
      await source.pool.query(
        'drop view if exists tried; drop view if exists timed; create view timed as select id, now() as at from library_book',
      );
      assert.match(
        (await inspectQuery('select id as book_id, at from timed')).notes[0]?.message ?? '',
        /now\(\)/,
      );
      const { notes } = await inspectQuery('select id as book_id, title from kept');
      assert.deepEqual(
        notes.map(({ message }) => message),
        ['view tried uses materialized view kept: its refresh writes no log rows'],
      );
    });

    it('by a function whose text may name other functions, even if it is immutable', async () => {
      const { notes } = await inspectQuery('select id as book_id, called(title) as value from library_book');
      assert.deepEqual(
        notes.map(({ message }) => message),
        [
          'view tried uses called(): the catalog does not show which tables a function reads and which functions it calls, so that changes of these may not be followed',
        ],
      );
      assert.match(notes[0]?.advice ?? '', /after each change of a function that it calls.*"resync":true/);
    });

    it('but not by what depends on the row alone', async () => {
      const { notes } = await inspectQuery(
        `select id as book_id, upper(title), fixed(title), age(added, added), to_char(added, 'YYYY'), added at time zone 'UTC' as utc,
           added::date, coalesce(title, 'none'), title ~ 'x' as x from library_book order by title`,
      );
      assert.deepEqual(notes, []);
    });
  });
});
