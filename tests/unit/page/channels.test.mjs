// The channel list: groups of names, what needs a look, finding a name by a few letters; and how open channels are told apart.

import assert from "node:assert/strict";
import { test } from "node:test";

import { headAndTail, shortNames, withoutChannel } from "../../../web/js/format/channel-names.js";
import { fuzzyFind } from "../../../web/js/format/fuzzy.js";
import { groupNames } from "../../../web/js/store/channel-groups.js";
import { ChannelMarks } from "../../../web/js/store/channel-marks.js";
import { busiestFirst, channelRows, needsOf, totalsOf } from "../../../web/js/store/channel-rows.js";
import { cpuMs } from "./cpu.mjs";

const NOW = Date.parse("2026-11-30T12:00:00Z");
const ago = (seconds) => new Date(NOW - seconds * 1_000).toISOString();
const channel = (name, more = {}) => ({ name, lines_per_second: 0, errors_last_minute: 0, last_line: ago(5), usual_gap_seconds: null, ...more });
const numbered = (count, nameOf) => Array.from({ length: count }, (_, at) => nameOf(String(at).padStart(3, "0")));
const CONTAINERS = numbered(500, (n) => `docker.team-${n % 12}-service-with-a-long-name-${n}`);

function rowsOf(names, { open = ["shop.api"], needs = [], typed = "", folds = [] } = {}) {
  const channels = new Map(names.map((name) => [name, channel(name)]));
  return channelRows({ tree: groupNames(names), names: [...new Set([...names, ...open])], channels, open, needs, typed, folds: new Map(folds) });
}

const labels = (rows) => rows.map(({ kind, name, label }) => `${kind} ${label ?? name ?? ""}`.trim());

test("names with the same first parts are a group from eight on, whose label leaves nothing out that its names need", () => {
  const tree = groupNames([...numbered(8, (n) => `k8s.shop.pod-${n}`), ...numbered(7, (n) => `web.${n}`), "app", "/var/log/app"]);

  assert.deepEqual(tree.map(({ label, name }) => [label, name]).slice(0, 3), [["/var/log/app", "/var/log/app"], ["app", "app"], ["k8s.shop", undefined]]);
  assert.deepEqual([tree[2].prefix, tree[2].names.length, tree[2].children[0]], ["k8s.shop.", 8, { label: "pod-000", name: "k8s.shop.pod-000" }]);
  assert.deepEqual(tree.slice(3).map(({ label }) => label), numbered(7, (n) => `web.${n}`));
});

test("a crowd is parted at weaker separators, so that names of containers have groups too", () => {
  const [docker, ...others] = groupNames(CONTAINERS);

  assert.deepEqual([docker.prefix, docker.names.length, others.length, docker.children.length], ["docker.", 500, 0, 12]);
  const team = docker.children.find(({ label }) => label === "team-3");
  assert.deepEqual([team.prefix, team.names.length, team.children[0].label], ["docker.team-3-", 42, "service-with-a-long-name-003"]);
});

test("hostile names and none at all make a tree", () => {
  assert.deepEqual(groupNames([]), []);
  for (const names of [[".", "..", "./", "/", "//", "a.", "a..", "a"], numbered(60, () => ".").map((dot, at) => dot.repeat(at + 1)), numbered(60, (n) => `-${"-".repeat(Number(n))}`)]) {
    const flat = (nodes) => nodes.flatMap((node) => (node.name === undefined ? flat(node.children) : [node.name]));
    assert.deepEqual(flat(groupNames(names)).sort(), [...names].sort());
  }
});

test("few channels are a plain list; many have sections, and groups that the reader opens", () => {
  assert.deepEqual(labels(rowsOf(["b", "a"], { open: ["c.*"] })), ["channel a", "channel b", "channel c.*"]);

  const names = [...CONTAINERS, "shop.api", "shop.mail"];
  const needs = [{ name: "shop.api", why: "errors" }, { name: "shop.mail", why: "new" }];
  const rows = rowsOf(names, { needs, open: ["shop.api", "x.*"] });
  assert.deepEqual(labels(rows), [
    "section open", "channel shop.api", "channel x.*", "section needs", "channel shop.mail", "section all", "group docker", "channel shop.api", "channel shop.mail",
  ]);
  assert.deepEqual([rows[6].name, rows[6].names.length, rows[6].unfolded, rows[4].why], ["docker.*", 500, false, "new"]);
  const opened = rowsOf(names, { needs, folds: [["group docker.", true], ["section needs", false], ["group docker.team-3-", true]] });
  assert.ok(opened.some(({ key, level, label }) => key === "all docker.team-3-service-with-a-long-name-015" && level === 4 && label === "service-with-a-long-name-015"));
  assert.ok(!opened.some(({ why }) => why));
});

test("a group that is all there is stands open", () => {
  assert.deepEqual(labels(rowsOf(CONTAINERS, { open: [] })).slice(0, 4), ["section open", "section all", "group docker", "group team-0"]);
});

test("errors, silence and new names need a look, the worst first, and only some until the reader wants all", () => {
  const channels = [
    channel("quiet", { last_line: ago(300), usual_gap_seconds: 10 }), channel("slow", { last_line: ago(300), usual_gap_seconds: 200 }),
    channel("dead", { last_line: ago(900_000), usual_gap_seconds: 10 }), channel("born"), channel("calm"),
    channel("bad", { errors_last_minute: 2 }), channel("worse", { errors_last_minute: 40 }),
  ];
  const needs = needsOf(channels, (name) => (name === "born" ? NOW - 1_000 : -Infinity), NOW);

  assert.deepEqual(needs.map(({ name, why }) => [name, why]), [["worse", "errors"], ["bad", "errors"], ["quiet", "silent"], ["born", "new"]]);
  const many = numbered(30, (n) => `bad.${n}`).map((name) => ({ name, why: "errors" }));
  const rows = rowsOf(CONTAINERS, { needs: many });
  assert.deepEqual([rows.filter(({ why }) => why).length, rows.find(({ kind }) => kind === "more").count], [6, 24]);
  assert.equal(rowsOf(CONTAINERS, { needs: many, folds: [["more needs", true]] }).filter(({ why }) => why).length, 30);
  assert.deepEqual(totalsOf(["bad", "worse", "gone"], new Map(channels.map((each) => [each.name, each]))), { count: 3, rate: 0, errors: 42 });
});

test("a few letters find a name, and one of them may be wrong", () => {
  const names = [...CONTAINERS, "shop.checkout", "shop.cart", "checkout-old"];

  assert.deepEqual(fuzzyFind(names, "checkout").slice(0, 2), ["checkout-old", "shop.checkout"]);
  for (const typed of ["chekout", "chckout", "chcekout", "shop chekout", "CHECKOUT", "s.check"]) assert.ok(fuzzyFind(names, typed).includes("shop.checkout"), typed);
  assert.equal(fuzzyFind(names, "team-3 039")[0], "docker.team-3-service-with-a-long-name-039");
  assert.equal(fuzzyFind(names, "nam039")[0], "docker.team-3-service-with-a-long-name-039");
  assert.deepEqual([fuzzyFind(names, "zzzz"), fuzzyFind(names, " ").length], [[], names.length]);
  assert.deepEqual(fuzzyFind([{ label: "Export" }], "exprt", ({ label }) => label), [{ label: "Export" }]);
});

test("what is typed opens as it is only if it is a name, a pattern, or nothing better is found", () => {
  const names = [...CONTAINERS, "shop.api", "shop.mail"];
  const typed = (text) => labels(rowsOf(names, { typed: text })).slice(0, 3);

  assert.deepEqual(typed("shop.mail"), ["channel shop.mail"]);
  assert.deepEqual(typed("smail"), ["channel shop.mail", "typed smail"]);
  assert.deepEqual(typed("shop.*"), ["typed shop.*", "channel api", "channel mail"]);
  assert.deepEqual(typed("shop api"), ["channel shop.api"]);
  assert.deepEqual(typed("nobody"), ["typed nobody"]);
  assert.deepEqual(rowsOf(names, { typed: "docker" }).slice(199, 202).map(({ kind, count }) => [kind, count]), [["channel", undefined], ["more", 300], ["typed", undefined]]);
  assert.equal(rowsOf(names, { typed: "docker", folds: [["more found", true]] }).length, 502);
});

test("a search among 5,000 names and the tree of them take a moment", () => {
  const names = numbered(5_000, (n) => `docker.team-${n % 40}-service-with-a-long-name-${n}`);
  const timed = (run) => {
    const start = cpuMs();
    run();
    return cpuMs() - start;
  };
  const runs = [() => groupNames(names), () => fuzzyFind(names, "svc417"), () => fuzzyFind(names, "team name 041"), () => fuzzyFind(names, "sevrice")];
  const times = runs.map((run) => Math.min(timed(run), timed(run), timed(run)));

  assert.ok(Math.max(...times) < 50, String(times));
});

test("names of open channels are as short as tells them apart", () => {
  const short = (...names) => [...shortNames(names).values()];

  assert.deepEqual(short("shop.api"), ["shop.api"]);
  assert.deepEqual(short("shop.api", "shop.mail"), ["api", "mail"]);
  assert.deepEqual(short("prod.api.log", "prod.mail.log"), ["api", "mail"]);
  assert.deepEqual(short("a", "a.b"), ["a", "a.b"]);
  assert.deepEqual(short("a.b", "a.b.c"), ["b", "b.c"]);
  assert.deepEqual(short("shop.api", "docker/x"), ["shop.api", "docker/x"]);
  assert.deepEqual(short(CONTAINERS[3], CONTAINERS[15]), ["003", "015"]);
  assert.deepEqual(short("docker.team-03-service-with-a-long-name-017", "docker.team-04-service-with-a-long-name-018", "shop.api"), ["with-a-long-name-017", "with-a-long-name-018", "shop.api"]);
  for (const names of [CONTAINERS, ["-", "--", "---"], [".a", "..a", "a"], ["a.", "a.."], [...CONTAINERS, "017"]]) {
    assert.equal(new Set(short(...names)).size, names.length);
    assert.ok(short(...names).every((name) => name !== ""));
  }
  assert.deepEqual([headAndTail("service-with-a-long-name-039"), headAndTail("shop.mail")], [["service-with-a-long-na", "me-039"], ["shop.mail", ""]]);
});

test("a logger says what its channel does not", () => {
  for (const [logger, of, shown] of [["web.payment.http", "web.payment", "http"], ["web.payment", "web.payment", ""], ["api", "shop.api", ""], ["apix", "api", "apix"], ["db", "shop.api", "db"], ["", "a", ""]]) {
    assert.equal(withoutChannel(logger, of), shown, logger);
  }
});

test("open channels have colours of their own, and keep them while others come and go", () => {
  const marks = new ChannelMarks();
  const names = numbered(20, (n) => `c${n}`);
  const looks = (list) => new Set(list.map((name) => `${marks.of(name).hue} ${marks.of(name).shape}`));

  assert.ok(marks.show(names.slice(0, 8)));
  assert.deepEqual([looks(names.slice(0, 8)).size, new Set(names.slice(0, 8).map((name) => marks.of(name).shape)).size], [8, 1]);
  const before = marks.of("c003").hue;
  assert.ok(marks.show(names));
  assert.deepEqual([looks(names).size, marks.of("c003").hue], [20, before]);
  assert.ok(!marks.show(names));
  assert.ok(marks.show(["c003"]));
  assert.deepEqual([marks.of("c003").hue, marks.of("elsewhere").text], [before, "elsewhere"]);
});

test("a split has the busiest channels, then those with the most lines held", () => {
  const rates = new Map([["a", 0], ["b", 3], ["c", 40]]);

  assert.deepEqual(busiestFirst([["d", 1], ["a", 9], ["b", 1], ["c", 1]], rates), ["c", "b", "a", "d"]);
});
