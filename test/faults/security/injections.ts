/** Texts that try to end a literal, an identifier or a comment, and to continue with a statement. */
export const INJECTIONS: readonly string[] = [
  `'; drop table canary; --`,
  `"; drop table canary; --`,
  '`; drop table canary.canary; --',
  `' or '1'='1`,
  `" or 1=1 --`,
  `x' union select usename from pg_user --`,
  `\\'; drop table canary; --`,
  `\\`,
  `'`,
  `"`,
  '`',
  `x\n; drop table canary; --`,
  `x\r\n-- x`,
  '*/ drop table canary; /*',
  '$$; drop table canary; $$',
  `$1`,
  `\${process.exit(1)}`,
  `%s %I`,
  `’; drop table canary; ‘＇`,
  `);commit;drop table canary;--`,
  `../../canary`,
  `a.b c.d`,
  `{"a": 1}`,
  `x'); select pg_sleep(100); --`,
];

/** Texts that PostgreSQL cannot store. */
export const UNSTORABLE: readonly string[] = [`x\0; drop table canary`, 'half \ud800 a character'];

/** Longer than any name is allowed to be. */
export const VERY_LONG = `x'; drop table canary; --${'x'.repeat(2_000)}`;

/** Combines everything, for places where the tests try only one text. */
export const WORST = `'"\`\\;--$1%s$$\${}/*'; drop table canary; --`;
