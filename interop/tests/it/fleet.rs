//! Emergency verbs on fleets of real gateways: what is said to have happened has happened, and
//! nothing else.

use std::time::{Duration, Instant};

use interop::{Between, Gateway, Origin, Output, exchange, free_port, pause, upshift};
use serde_json::Value;

const RULES: &str = "\
    [[rule]]\nid = \"relay\"\npaths = [\"/derp\"]\nrequire = { protocol = \"derp/2\" }\n\
    [[rule]]\nid = \"other\"\npaths = [\"/other\"]\nrequire = { protocol = \"other/2\" }\n";

/// Gateways with the same rules.
struct Fleet {
    gateways: Vec<Gateway>,
    _origin: Origin,
}

impl Fleet {
    fn of(count: usize) -> Self {
        Self::with(count, RULES)
    }

    fn with(count: usize, rules: &str) -> Self {
        let origin = Origin::start(200, &[]);
        let gateways = (0..count).map(|_| Gateway::start(origin.address(), rules)).collect();
        Self { gateways, _origin: origin }
    }

    fn admin(&self, index: usize) -> String {
        format!("http://{}", self.gateways[index].admin())
    }

    /// Every gateway's answer to `path`.
    fn statuses(&self, path: &str) -> Vec<u16> {
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: example.com\r\nConnection: close\r\n\r\n");
        self.gateways
            .iter()
            .map(|gateway| exchange(gateway.http(), request.as_bytes(), false).0.status)
            .collect()
    }

    /// A verb on all of them, and on what is named besides.
    fn run(&self, words: &[&str], further: &[&str]) -> Output {
        let admins: Vec<String> = (0..self.gateways.len()).map(|index| self.admin(index)).collect();
        run(
            words,
            &admins.iter().map(String::as_str).chain(further.iter().copied()).collect::<Vec<_>>(),
        )
    }

    fn revisions(&self, index: usize) -> Vec<Value> {
        self.gateways[index]
            .ask_admin("/api/revisions")
            .json()
            .as_array()
            .cloned()
            .unwrap_or_default()
    }
}

/// A verb on the gateways with these admin listeners.
fn run(words: &[&str], admins: &[&str]) -> Output {
    let mut all = words.to_vec();
    admins.iter().for_each(|admin| all.extend(["--admin", admin]));
    upshift(&all)
}

fn json(output: &Output) -> Vec<Value> {
    let value: Value = serde_json::from_str(&output.stdout).unwrap_or_default();
    value.as_array().cloned().unwrap_or_else(|| panic!("no list: {output:?}"))
}

fn nowhere() -> String {
    format!("http://{}", free_port())
}

#[track_caller]
fn says(output: &Output, code: i32, part: &str) {
    assert!(
        output.code == code && output.stderr.contains(part),
        "no `{part}` with {code}: {output:?}"
    );
}

/// Where gateways number changes by themselves, people cannot tell which change of one is which of
/// another.
#[test]
fn a_change_has_one_id_on_all_gateways() {
    let fleet = Fleet::of(3);
    let outcomes = json(&fleet.run(&["pause", "relay", "--json", "--reason", "phones"], &[]));
    let id = outcomes[0]["change"].as_str().unwrap_or_default().to_owned();
    assert!(id.len() >= 8, "{outcomes:?}");
    for (index, outcome) in outcomes.iter().enumerate() {
        assert_eq!((&outcome["obeyed"], &outcome["outcome"]), (&true.into(), &"changed".into()));
        assert_eq!(
            (&outcome["change"], &outcome["report"]["change"]),
            (&id.clone().into(), &id.clone().into())
        );
        let revision = &fleet.revisions(index)[0];
        assert_eq!(
            (&revision["change"], &revision["reason"]),
            (&id.clone().into(), &"phones".into())
        );
    }
    assert_eq!(fleet.statuses("/derp"), [200; 3]);
    let printed = fleet.run(&["undo", &id, "--yes"], &[]);
    assert_eq!(printed.stdout.matches(&format!("undoes {id}")).count(), 3, "{printed:?}");
    assert_eq!(fleet.statuses("/derp"), [426; 3]);
}

/// The worst that an undo can do: it locks callers out on a gateway that had no part in the latest
/// change, and exits 0.
#[test]
fn undo_takes_back_the_latest_change_of_the_fleet_and_no_other() {
    let fleet = Fleet::of(2);
    fleet.run(&["set", "other", "warn"], &[]).ok();
    run(&["pause", "relay"], &[&fleet.admin(0)]).ok();
    let unconfirmed = fleet.run(&["undo"], &[]);
    says(&unconfirmed, 2, "nothing was changed: more callers would be refused than now");
    assert!(
        unconfirmed
            .stderr
            .contains("paused → enforce: 0% of the callers are refused, 100% would be")
    );
    assert_eq!((unconfirmed.stdout.as_str(), fleet.statuses("/derp")), ("", vec![200, 426]));
    let outcomes = json(&fleet.run(&["undo", "--yes", "--json"], &[]));
    let words: Vec<&Value> = outcomes.iter().map(|outcome| &outcome["outcome"]).collect();
    assert_eq!(words, ["changed", "not-concerned"]);
    assert_eq!((fleet.statuses("/derp"), fleet.statuses("/other")), (vec![426; 2], vec![200; 2]));
    let again = fleet.run(&["undo", "--yes"], &[]).ok();
    assert_eq!(again.matches("other: warn → enforce").count(), 2, "the change before it: {again}");
    says(&fleet.run(&["undo", "--yes"], &[]), 2, "nothing was changed: there is nothing to undo");
}

/// A verb that raises a share on one gateway only asks first, too; and on a single gateway.
#[test]
fn whatever_raises_a_share_somewhere_needs_a_yes() {
    let fleet = Fleet::of(2);
    run(&["set", "relay", "warn"], &[&fleet.admin(1)]).ok();
    let set = fleet.run(&["set", "relay", "enforce"], &[]);
    says(&set, 2, "warn → enforce: 0% of the callers are refused, 100% would be");
    assert_eq!(fleet.statuses("/derp"), [426, 200]);
    says(&run(&["undo"], &[&fleet.admin(1)]), 2, "add --yes to undo");
    fleet.run(&["set", "relay", "enforce", "--yes"], &[]).ok();
    assert_eq!(fleet.statuses("/derp"), [426, 426]);
}

/// A resume that locks callers out on a fleet without a yes, and says that they were locked out
/// before: it was held against the file's plan, not against what was in force.
#[test]
fn a_resume_that_raises_the_share_needs_a_yes_whatever_came_before_the_pause() {
    let fleet = Fleet::of(2);
    for which in ["relay", "--all"] {
        fleet.run(&["set", "relay", "warn"], &[]).ok();
        fleet.run(&["pause", which], &[]).ok();
        fleet.run(&["pause", which], &[]).ok();
        let resumed = fleet.run(&["resume", which], &[]);
        says(
            &resumed,
            2,
            "nothing was changed: more callers would be refused than when it was stopped",
        );
        says(&resumed, 2, "relay: 0% of the callers were refused when it was stopped at 2");
        assert_eq!(fleet.statuses("/derp"), [200; 2]);
        fleet.run(&["resume", which, "--yes"], &[]).ok();
        assert_eq!(fleet.statuses("/derp"), [426; 2]);
    }
    fleet.run(&["set", "relay", "warn"], &[]).ok();
    says(
        &fleet.run(&["resume", "relay"], &[]),
        2,
        "relay: warn → enforce: 0% of the callers are refused, 100% would be",
    );
    fleet.run(&["undo", "--yes"], &[]).ok();
    fleet.run(&["pause", "relay"], &[]).ok();
    fleet.run(&["pause", "relay"], &[]).ok();
    says(
        &fleet.run(&["resume", "relay"], &[]),
        0,
        "relay: 100% of the callers were refused when it was stopped at 2",
    );
    assert_eq!(fleet.statuses("/derp"), [426; 2]);
}

/// A line about a change that was not made sends people home while callers are locked out.
#[test]
fn a_gateway_that_does_not_answer_stops_everything() {
    let fleet = Fleet::of(2);
    let admin = fleet.gateways[0].admin();
    let refused = nowhere();
    let silent = [
        refused,
        format!("http://{}", Between::Answers(500).stand_before(admin)),
        format!("http://{}", Between::Answers(401).stand_before(admin)),
        format!("http://{}", Between::Answers(404).stand_before(admin)),
        "http://no-such-host.invalid:9426".to_owned(),
    ];
    for address in silent {
        for words in
            [&["pause", "relay"][..], &["resume", "relay"], &["set", "relay", "off"], &["undo"]]
        {
            let output = fleet.run(words, &[&address]);
            let name = address.trim_start_matches("http://");
            says(&output, 3, &format!("nothing was changed: {name} did not answer ("));
            assert_eq!(output.stdout, "", "{words:?} {address}");
            assert!(!output.stderr.contains("made the change"), "{output:?}");
        }
        let outcomes = json(&fleet.run(&["pause", "relay", "--json"], &[&address]));
        assert!(
            outcomes
                .iter()
                .all(|outcome| outcome["obeyed"] == false && outcome["outcome"] == "unchanged")
        );
        assert!(
            outcomes[0]["error"]
                .as_str()
                .is_some_and(|error| error.starts_with("nothing was changed"))
        );
        assert!(outcomes.iter().all(|outcome| outcome["change"].is_null()), "{outcomes:?}");
    }
    assert_eq!(
        (fleet.statuses("/derp"), fleet.revisions(0).len(), fleet.revisions(1).len()),
        (vec![426; 2], 0, 0)
    );
}

/// One that hangs costs one time-out, however many do, and is gone on without where that is asked
/// for.
#[test]
fn gateways_that_hang_are_waited_for_at_the_same_time() {
    let fleet = Fleet::of(2);
    let hung = || format!("http://{}", Between::Hangs.stand_before(fleet.gateways[0].admin()));
    let (first, second, dead) = (hung(), hung(), nowhere());
    let begun = Instant::now();
    says(&fleet.run(&["pause", "relay"], &[&first, &second, &dead]), 3, "nothing was changed: ");
    assert!(
        begun.elapsed() < Duration::from_secs(9),
        "two time-outs of 5 s: {:?}",
        begun.elapsed()
    );
    assert_eq!(fleet.statuses("/derp"), [426; 2]);
    let skipped = fleet.run(&["pause", "relay", "--skip-unreachable"], &[&first, &dead]);
    for address in [&first, &dead] {
        says(&skipped, 3, &format!("{}: skipped: ", address.trim_start_matches("http://")));
    }
    says(&skipped, 3, "2 of 4 gateways made the change");
    assert_eq!((skipped.stdout.lines().count(), fleet.statuses("/derp")), (2, vec![200; 2]));
    let outcomes = json(&fleet.run(&["undo", "--yes", "--json", "--skip-unreachable"], &[&dead]));
    assert_eq!(
        (&outcomes[2]["outcome"], &outcomes[2]["obeyed"]),
        (&"skipped".into(), &false.into())
    );
    says(
        &run(&["pause", "relay", "--skip-unreachable"], &[&dead]),
        3,
        "nothing was changed: no gateway answered",
    );
}

/// A gateway with another token is no reason to change the others by half.
#[test]
fn a_gateway_whose_token_differs_stops_everything_and_can_be_skipped() {
    let origin = Origin::start(200, &[]);
    let with =
        |token| Gateway::with(origin.address(), &format!("admin-token = \"{token}\""), RULES, &[]);
    let gateways = [with("open sesame, please"), with("another one entirely")];
    let admins = gateways.each_ref().map(|gateway| format!("http://{}", gateway.admin()));
    let admins = [admins[0].as_str(), admins[1].as_str()];
    let words = ["pause", "--all", "--token", "open sesame, please"];
    says(&run(&words, &admins), 3, "did not answer (the admin token is wrong");
    let asked =
        |gateway: &Gateway| exchange(gateway.http(), b"GET /derp HTTP/1.0\r\n\r\n", false).0.status;
    assert_eq!(gateways.each_ref().map(asked), [426, 426]);
    says(
        &run(&[&words[..], &["--skip-unreachable"]].concat(), &admins),
        3,
        "skipped: the admin token is wrong",
    );
    assert_eq!(gateways.each_ref().map(asked), [200, 426]);
}

/// Between the dry run and the change a gateway can fail: what is then said of it is what it did.
#[test]
fn a_gateway_that_fails_after_the_dry_run_is_reported_as_it_is() {
    let fleet = Fleet::of(3);
    let loses = |manner: Between, index: usize| {
        format!("http://{}", manner.stand_before(fleet.gateways[index].admin()))
    };
    let (change, answer) = (loses(Between::LosesChange, 1), loses(Between::LosesAnswer, 2));
    let output = run(&["pause", "relay"], &[&fleet.admin(0), &change, &answer]);
    says(&output, 3, "2 of 3 gateways made the change");
    assert!(
        output.stdout.contains("relay: enforce → paused") && output.stdout.lines().count() == 1,
        "{output:?}"
    );
    assert!(
        output.stderr.contains(&format!("{}: not changed: ", change.trim_start_matches("http://")))
    );
    assert!(
        output
            .stderr
            .contains(&format!("{}: it made change ", answer.trim_start_matches("http://")))
    );
    assert_eq!(fleet.statuses("/derp"), [200, 426, 200]);
    let outcomes = json(&run(&["undo", "--json", "--yes"], &[&fleet.admin(0), &change, &answer]));
    let words: Vec<&Value> = outcomes.iter().map(|outcome| &outcome["outcome"]).collect();
    assert_eq!(words, ["changed", "not-concerned", "changed"], "it never was on the second");
    assert_eq!(fleet.statuses("/derp"), [426; 3]);
}

/// A change that arrives after "not changed" was said of it: it is held up between client and
/// gateway.
#[test]
fn a_change_that_is_held_up_is_not_made_after_it_was_given_up() {
    let fleet = Fleet::of(2);
    let begun = Instant::now();
    let late =
        Between::DelaysChange(Duration::from_millis(7_500)).stand_before(fleet.gateways[1].admin());
    let output = run(&["pause", "relay"], &[&fleet.admin(0), &format!("http://{late}")]);
    says(&output, 3, "1 of 2 gateways made the change");
    says(&output, 3, &format!("{late}: not changed: it did not answer in time"));
    while begun.elapsed() < Duration::from_secs(9) {
        assert_eq!(fleet.statuses("/derp"), [200, 426]);
        pause();
    }
    assert!(fleet.revisions(1).is_empty());
}

/// A change of which a gateway says nothing any more may have been made: that it was not is no more
/// known than that it was.
#[test]
fn what_is_not_known_is_said_and_how_to_find_out() {
    let fleet = Fleet::of(2);
    let silent = Between::FallsSilent.stand_before(fleet.gateways[1].admin());
    let output = run(&["pause", "relay"], &[&fleet.admin(0), &format!("http://{silent}")]);
    let id = fleet.revisions(0)[0]["change"].as_str().unwrap_or_default().to_owned();
    says(&output, 3, &format!("{silent}: it may or may not have made change {id}: "));
    says(
        &output,
        3,
        &format!("run `upshift plan --admin http://{silent}/` to see the state of its rules"),
    );
    says(&output, 3, &format!("run `upshift undo {id}`"));
    assert!(!output.stderr.contains("not changed"), "{output:?}");
    assert_eq!(fleet.statuses("/derp"), [200; 2]);
}

/// An undo that reached half of a fleet is finished by repeating it.
#[test]
fn an_undo_that_was_half_done_can_be_finished() {
    let fleet = Fleet::of(2);
    fleet.run(&["pause", "relay"], &[]).ok();
    let id = fleet.revisions(0)[0]["change"].as_str().unwrap_or_default().to_owned();
    run(&["undo", &id, "--yes"], &[&fleet.admin(0)]).ok();
    assert_eq!(fleet.statuses("/derp"), [426, 200]);
    let finished = fleet.run(&["undo", "--yes"], &[]);
    says(&finished, 0, "nothing to undo: change");
    assert_eq!(fleet.statuses("/derp"), [426, 426]);
    says(&fleet.run(&["undo", &id, "--yes"], &[]), 2, "is already undone, by change");
}

/// What cannot be undone is refused everywhere, with the reason, and nothing moves.
#[test]
fn an_undo_that_is_not_possible_changes_nothing_and_says_why() {
    let fleet = Fleet::of(2);
    fleet.run(&["set", "relay", "warn", "--actor", "ada"], &[]).ok();
    let first = fleet.revisions(0)[0]["change"].as_str().unwrap_or_default().to_owned();
    run(&["set", "relay", "observe", "--actor", "bob"], &[&fleet.admin(1)]).ok();
    let second = fleet.revisions(1)[0]["change"].as_str().unwrap_or_default().to_owned();
    let overtaken = fleet.run(&["undo", &first, "--yes"], &[]);
    says(
        &overtaken,
        3,
        &format!("was replaced by change {second} (set relay observe by bob): undo {second} first"),
    );
    says(&overtaken, 3, "nothing was changed");
    fleet.run(&["undo", "--yes"], &[]).ok();
    let undo = fleet.revisions(1)[0]["change"].as_str().unwrap_or_default().to_owned();
    let undone = run(&["undo", &undo, "--yes"], &[&fleet.admin(1)]);
    says(&undone, 2, "took another change back");
    assert!(!undone.stderr.contains("undoes"), "it does not: {undone:?}");
    run(&["set", "relay", "observe"], &[&fleet.admin(1)]).ok();
    says(
        &fleet.run(&["undo", "beef", "--yes"], &[]),
        2,
        "nothing was changed: no gateway has change beef",
    );
    says(&fleet.run(&["undo", "no id", "--yes"], &[]), 2, "expected the id of a change");
    let states = [0, 1].map(|index| {
        fleet.gateways[index].ask_admin("/api/status").json()["rules"][0]["phase"].clone()
    });
    assert_eq!(states, ["warn", "observe"]);
    fleet.run(&["undo", "--yes"], &[]).ok();
    fleet.run(&["undo", "--yes"], &[]).ok();
    assert_eq!(fleet.statuses("/derp"), [426; 2]);
}

/// A rule that one gateway does not have (its policy is another) stops the change, and is named.
#[test]
fn a_gateway_that_refuses_stops_everything() {
    let (fleet, without) = (Fleet::of(1), Fleet::with(1, ""));
    let mixed = run(&["pause", "relay"], &[&fleet.admin(0), &without.admin(0)]);
    says(&mixed, 3, "nothing was changed: ");
    says(&mixed, 3, "there is no rule relay");
    assert_eq!(fleet.statuses("/derp"), [426]);
    says(&fleet.run(&["pause", "nope"], &[]), 2, "there is no rule nope");
    assert_eq!(fleet.run(&["pause"], &[]).code, 2, "which rule?");
    assert_eq!(fleet.run(&["set", "relay", "ramp"], &[]).code, 2, "a ramp needs dates");
}
