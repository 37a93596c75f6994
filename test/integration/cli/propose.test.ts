import assert from 'node:assert/strict';
import { proposalFile } from '../../../cli/propose/proposal-file.ts';
import type { Proposed } from '../../../cli/propose/propose.ts';
import { summary } from '../../../cli/propose/summary.ts';
import { parseOperation } from '../../../shared/events/extract-event.ts';
import {
  READ_ALL,
  SHOP_READER,
  SHOP_VIEWS,
  type ShopDatabase,
  useShopDatabases,
} from '../../support/shop-databases.ts';
import { proposeFor } from './propose-for.ts';

const DROP_VIEWS = `drop view ${SHOP_VIEWS.join(', ')}`;

describe('a proposal', () => {
  const shops = useShopDatabases();

  const only = ({ proposals }: Proposed) => {
    const [proposal] = proposals;
    assert.ok(proposal !== undefined && proposals.length === 1);
    return proposal;
  };

  describe('of a shop', () => {
    let shop: ShopDatabase;
    let proposed: Proposed;
    before(async () => {
      shop = await shops.make();
      proposed = await proposeFor(shop);
    });

    it('leaves nothing to decide', () => {
      assert.deepEqual(
        proposed.proposals.map(({ entry, todo, rows }) => [entry.name, rows, todo]),
        [
          ['customer_report', 60, []],
          ['order_report', 300, []],
          ['payment_report', 200, []],
          ['product_report', 40, []],
        ],
      );
      assert.deepEqual([proposed.problems, proposed.log.problems, proposed.log.variables], [[], [], {}]);
    });

    it('has main table, model, key and lookups, and says why', () => {
      const order = proposed.proposals.find(({ entry }) => entry.name === 'order_report');
      assert.deepEqual(order?.entry, {
        name: 'order_report',
        target_name: 'order_report',
        main_table: 'shop_order',
        app_label: 'shop',
        model: 'order',
        key_column: 'order_id',
        load_type: 'merge',
        lookups: [
          { table: 'shop_customer', app_label: 'shop', model: 'customer', column: 'customer_id' },
          { table: 'shop_product', app_label: 'shop', model: 'product', column: 'product_id' },
        ],
      });
      assert.match(
        order?.reasons.key_column ?? '',
        /^Shows the primary key of shop_order; unique and never NULL in 300 rows, read in \d+ ms\.$/,
      );
      assert.match(order?.reasons.load_type ?? '', /about 300 changes a day/);
      const payment = proposed.proposals.find(({ entry }) => entry.name === 'payment_report');
      assert.match(payment?.reasons.key_column ?? '', /beside the column of the partitions; unique/);
      assert.match(String(payment?.notes), /partition that is dropped.*Let one sequence draw id/s);
    });

    it('takes a bulk change for no stream of changes, and a request for a resync for no change', async () => {
      const bulk = await shops.make(
        `insert into models_logging_change (object_id, content_type_id, action, changed_data)
           select g::text, id, 'changed', '{}' from generate_series(1, 12000) g, django_content_type where model = 'order';
         insert into models_logging_change (object_id, content_type_id, action, changed_data)
           select '', id, 'resync', '{}' from django_content_type where model = 'product'`,
      );
      const { proposals } = await proposeFor(bulk, { views: ['order_report', 'product_report'] });
      assert.deepEqual(
        proposals.map(({ entry }) => entry.load_type),
        ['merge', 'merge'],
      );
      const [order, product] = proposals.map(({ reasons }) => String(reasons.load_type));
      assert.match(order ?? '', /its newest rows are of [12] minutes, too few to tell/);
      assert.match(product ?? '', /^The log has no change of it yet/);
    });

    it('of one view only reads that', async () => {
      assert.equal(only(await proposeFor(shop, { views: ['product_report'] })).entry.key_column, 'sku');
    });

    it('says of a view that does not exist that there is none', async () => {
      assert.deepEqual(only(await proposeFor(shop, { views: ['Order_Report'] })).todo, [
        'view Order_Report does not exist in the source, but order_report does.',
      ]);
    });
  });

  describe('of views that cannot be decided', () => {
    let todos: Map<string, string>;
    let proposed: Proposed;
    before(async () => {
      proposed = await proposeFor(await shops.make('', 'odd_shop'));
      todos = new Map(proposed.proposals.map(({ entry, todo }) => [entry.name, todo.join('\n')]));
    });
    const entryOf = (view: string) => proposed.proposals.find(({ entry }) => entry.name === view)?.entry;

    for (const [view, ...words] of [
      ['loan_report', /shop_loan \(key_column loan_id\) or shop_warehouse \(key_column warehouse_id\)\?/],
      ['loan_report', /datetime_columns: lent_at: a timestamp without time zone, and nothing shows/],
      ['loan_report', /datetime_columns: back_at: a time as text/],
      [
        'stock_report',
        /composite primary key \(product_id, place\).*generated always as identity primary key/,
      ],
      ['visit_report', /shop_visit has no primary key.*add primary key/],
      ['many_report', /order_id: has 300 different values of 600 rows/],
      ['frozen_report', /is a materialized view.*Create a plain view/],
      ['frozen_view', /uses materialized view frozen_report: its refresh writes no log rows/],
      [
        'new_order_report',
        /orders_of\(\): the catalog does not show which tables/,
        /only orders_of\(\)\. Name the table/,
      ],
      ['rate_report', /reads foreign table remote_rate.*another server/, /has no handler/],
      ['Gift card (all)', /create view "Gift_card_all" as select \* from public\."Gift card \(all\)";/],
      ['Gift card (all)', /column is_deleted has a name that is reserved/],
      [
        'gift_report',
        /no model whose table would be named Gift "Card.*perhaps shop\.giftcard, of whose newest 2 logged objects 2/,
      ],
    ] as const) {
      it(`says of ${view}: ${words[0].source}`, () => {
        for (const word of words) assert.match(todos.get(view) ?? '', new RegExp(word, 's'));
      });
    }

    it('proposes datetime columns where the view converts to UTC or the name says so', () => {
      assert.deepEqual(entryOf('loan_report')?.datetime_columns, ['lent_at_in_utc', 'lent_text']);
    });

    it('takes names as they are: quotes, spaces, Thai letters, reserved words', () => {
      assert.partialDeepStrictEqual(entryOf('gift_report'), {
        main_table: 'Gift "Card',
        key_column: 'gift_id',
      });
      assert.partialDeepStrictEqual(entryOf('Gift card (all)'), {
        target_name: 'Gift_card_all',
        key_column: 'select',
      });
    });

    it('leaves the other views whole', () => {
      assert.deepEqual(
        SHOP_VIEWS.map((view) => todos.get(view)),
        ['', '', '', ''],
      );
    });

    it('is refused by an import, with the view and what to decide', () => {
      const file = JSON.parse(proposalFile(proposed.proposals, '.')) as object;
      assert.throws(() => parseOperation(file), {
        message:
          /view stock_report has a todo, which must be settled and removed: key_column: the view shows no column/,
      });
    });
  });

  it('becomes whole when what it asks for is done', async () => {
    const shop = await shops.make(
      `alter table shop_order alter product_id drop not null;
       create view plain_report as select id as order_id, product_id, placed_at at time zone 'Asia/Tokyo' as tokyo from shop_order;
       create table shop_customer_rating (id bigint primary key, customer uuid, score integer);
       create view rated_report as select o.id as order_id, r.score from shop_order o left join shop_customer_rating r on r.customer = o.customer_id`,
    );
    const [plain, rated] = (await proposeFor(shop, { views: ['plain_report', 'rated_report'] })).proposals;
    assert.deepEqual(
      plain?.entry.lookups?.map(({ table }) => table),
      ['shop_product'],
      'a deletion may leave NULL there',
    );
    assert.match(plain?.reasons.lookups ?? '', /a deletion there may leave NULL in product_id/);
    assert.match(String(plain?.todo), /^datetime_columns: tokyo: a timestamp without time zone/);
    assert.match(String(rated?.todo), /depends on shop_customer_rating, whose changes nobody follows/);
  });

  it('takes the table whose rows point at the others, if several keys are unique', async () => {
    const shop = await shops.make(
      `create view first_report as
         select c.id as customer_id, o.id as order_id from shop_order o join shop_customer c on c.id = o.customer_id where o.id <= 60;
       create view newest_report as
         select distinct on (c.id) c.id as customer_id, o.id as order_id from shop_order o join shop_customer c on c.id = o.customer_id
         order by c.id, o.id desc;
       create view last_customer_report as select c.id as customer_id, o.id as order_id
         from shop_order o join shop_customer c on c.id = o.customer_id where o.id <= 61`,
    );
    const [last, first, newest] = (
      await proposeFor(shop, { views: ['last_customer_report', 'first_report', 'newest_report'] })
    ).proposals;
    assert.deepEqual([last?.entry.main_table, last?.todo], ['shop_order', []]);
    assert.match(last?.reasons.main_table ?? '', /only the key of shop_order is unique/);
    assert.deepEqual([first?.entry.main_table, first?.entry.key_column], ['shop_order', 'order_id']);
    assert.match(first?.reasons.main_table ?? '', /^Its rows point at those of the other tables/);
    assert.match(
      String(newest?.todo),
      /shop_customer \(key_column customer_id\) or shop_order \(key_column order_id\)\?/,
    );
  });

  it('asks which of two models has a table', async () => {
    const shop = await shops.make(
      `create table shop_order_rating (id bigint primary key, stars integer);
       create view rating_report as select id as rating_id, stars from shop_order_rating;
       insert into django_content_type (app_label, model) values ('shop', 'order_rating'), ('shop_order', 'rating')`,
    );
    assert.match(
      String(only(await proposeFor(shop, { views: ['rating_report'] })).todo),
      /^app_label, model: shop\.order_rating or shop_order\.rating\? The table of each/,
    );
  });

  it('names values that would stop the first load', async () => {
    const shop = await shops.make(`update shop_product set listed_on = 'infinity' where sku = 'SKU-0007'`);
    assert.match(
      String(only(await proposeFor(shop, { views: ['product_report'] })).todo),
      /^unrepresentable: key SKU-0007, column listed_on: the value is infinite.*would stop the first load/,
    );
  });

  it('is not proven when reading the rows takes too long, and says so', async () => {
    const shop = await shops.make(
      `create view slow_report as select id as order_id, status from shop_order where pg_sleep(0.006) is not null`,
    );
    const { rows, reasons, entry } = only(
      await proposeFor(shop, { views: ['slow_report'], timeoutSeconds: 1 }),
    );
    assert.deepEqual([rows, entry.key_column], [null, 'order_id']);
    assert.match(reasons.key_column ?? '', /not proven on the data.*longer than 1 s \(--timeout/);
    assert.match(reasons.partition_column ?? '', /could not be counted in time/);
  });

  describe('finds the log by its columns', () => {
    it('under any name, and says which variables to set', async () => {
      const shop = await shops.make(
        `alter table models_logging_change rename to audit_entry; alter table django_content_type rename to kind;
         create table almost_a_log (like audit_entry); alter table almost_a_log alter id type text`,
      );
      const proposed = await proposeFor(shop);
      assert.deepEqual(proposed.log.variables, {
        CHANGE_LOG_TABLE: 'audit_entry',
        CONTENT_TYPE_TABLE: 'kind',
      });
      assert.deepEqual(
        proposed.proposals.flatMap(({ todo }) => todo),
        [],
      );
      assert.match(summary(proposed, { file: 'v.json', viewsSql: null }), /- CHANGE_LOG_TABLE=audit_entry /);
    });

    it('and asks which of several is meant, unless the environment says it', async () => {
      const shop = await shops.make(
        `alter table models_logging_change rename to log_a; create table log_b (like log_a including all)`,
      );
      const { log, proposals } = await proposeFor(shop);
      assert.equal(log.logTable, null);
      assert.match(
        String(log.problems),
        /Several tables have the columns of a change log: public\.log_a, public\.log_b\./,
      );
      assert.ok(proposals.every(({ todo }) => todo.includes(log.problems[0] ?? '')));
      const named = await proposeFor(shop, { settings: { CHANGE_LOG_TABLE: 'log_a' } });
      assert.deepEqual([named.log.logTable, named.log.problems], ['log_a', []]);
    });

    it('and says what is missing if there is none, or if it cannot be captured', async () => {
      const shop = await shops.make('drop table models_logging_change, django_content_type');
      const { log, proposals } = await proposeFor(shop);
      assert.match(
        String(log.problems),
        /^No table of this database has the columns of a change log: id, .*propose --with-log .*,No table of this database has the columns of content types/,
      );
      assert.equal(proposals[0]?.entry.key_column, 'customer_id', 'what is known is proposed');
      const unfit = await shops.make('alter table models_logging_change alter changed_data type text');
      assert.match(
        String((await proposeFor(unfit)).log.problems),
        /column changed_data has type text, but must have/,
      );
    });
  });

  describe('of a role without rights', () => {
    it('offers no second views of the tables that the hidden ones show', async () => {
      const shop = await shops.make('create table shop_note (id bigint primary key)');
      await shop.owner.query(
        `revoke all on customer_report, order_report, payment_report, product_report from ${SHOP_READER.name}`,
      );
      const proposed = await proposeFor(shop);
      assert.deepEqual([proposed.proposals, proposed.statements.views], [[], ['shop_note_report']]);
      const text = summary(proposed, { file: 'v.json', viewsSql: null });
      assert.match(text, /grant select on public\.order_report to reader/);
      assert.match(text, /^The role may read none of the views that there are\. /m);
      assert.doesNotMatch(text, /There are no views/);
    });

    it('names each GRANT, and these are enough', async () => {
      const shop = await shops.make();
      await shop.owner.query(
        `revoke all on order_report, shop_customer, shop_order, models_logging_change, models_logging_change_id_seq from ${SHOP_READER.name}`,
      );
      const grants: string[] = [];
      for (let round = 0; ; round += 1) {
        assert.ok(round < 6, grants.join('\n'));
        const { proposals, problems, log } = await proposeFor(shop);
        const told = [...problems, ...log.problems, ...proposals.flatMap(({ todo }) => todo)].join('\n');
        const found = [...new Set(told.match(/grant select on (sequence )?[\w.]+ to \w+/g) ?? [])];
        if (told === '') break;
        assert.ok(found.length > 0, told);
        for (const grant of found) await shop.owner.query(grant);
        grants.push(...found);
      }
      assert.deepEqual(grants.toSorted(), [
        'grant select on public.models_logging_change to reader',
        'grant select on public.order_report to reader',
        'grant select on public.shop_customer to reader',
        'grant select on public.shop_order to reader',
        'grant select on sequence public.models_logging_change_id_seq to reader',
      ]);
    });

    it('names a view that the search path does not find', async () => {
      const shop = await shops.make(
        'create schema reports; create view reports.hidden as select id as order_id from shop_order',
      );
      const { problems } = await proposeFor(shop);
      assert.match(
        String(problems),
        /View reports\.hidden: role reader may not read it\. .*grant usage on schema reports to reader; grant select on reports\.hidden to reader; alter role reader set search_path/,
      );
    });
  });

  it('of a database without views has statements that create them, and these can be proposed', async () => {
    const shop = await shops.make(
      `${DROP_VIEWS}; drop view frozen_view, "Gift card (all)", gift_report, stock_report, visit_report, loan_report, new_order_report, rate_report, many_report; drop materialized view frozen_report`,
      'odd_shop',
    );
    const { proposals, statements } = await proposeFor(shop);
    assert.deepEqual(proposals, []);
    assert.match(statements.sql, /left join public\.shop_customer l1 on l1\.id = t\.customer_id/);
    assert.match(statements.sql, /^-- Left out, since reports must not show them: password$/m);
    assert.match(
      statements.sql,
      /^-- No view of public\.shop_stock: its primary key has the columns product_id, place/m,
    );
    assert.match(statements.sql, /^-- No view of public\.shop_visit: it has no primary key/m);
    assert.match(statements.sql, /t\."select",\n {2}t\."order",/);
    assert.match(statements.sql, /t\.is_deleted as is_deleted_value/);

    await shop.owner.query(`${statements.sql}; ${READ_ALL}`);

    const after = await proposeFor(shop);
    assert.deepEqual(after.proposals.map(({ entry }) => entry.name).toSorted(), statements.views.toSorted());
    assert.deepEqual(
      after.proposals.filter(({ entry }) => entry.key_column === undefined),
      [],
    );
    assert.equal(after.statements.views.length, 0);
    const order = after.proposals.find(({ entry }) => entry.name === 'shop_order_report');
    assert.deepEqual([order?.entry.key_column, order?.todo], ['order_id', []]);
  });
});
