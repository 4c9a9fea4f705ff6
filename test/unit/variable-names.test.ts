/** The names of variables that stand for targets at the prompt. */
import { expect, test } from "bun:test";
import { variableNames } from "../../src/repl/variable-names.ts";

test("a path is named after the machine that it leads to, and what was entered there", () => {
  const names = variableNames(
    [
      ...["web1", "bastion/web2", "bastion/web1/sudo:root", "bastion/web1/sudo:root/podman:app"],
      ...["sudo:bea", "local/sudo:www"],
      ...["ssh://u@web-3.example.com:22/podman:app", "10.0.0.7", "2001:db8::1", "bastion/web1"],
    ],
    () => false,
  );
  expect(names).toEqual([
    ...["web1", "web2", "web1_root", "web1_root_app"],
    ...["bea", "local_www"],
    ...["web_3_app", "_10_0_0_7", "_2001_db8_1", "web12"],
  ]);
});
