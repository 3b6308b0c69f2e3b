//! `mewz dev`: what users of other loops complain about, and the test that keeps it away.
//!
//! | complaint | test |
//! |---|---|
//! | rebuild loops from outputs, `chmod`, `touch`, editors' files | `saves::a_program_runs_again_at_every_save_and_at_nothing_else`, `saves::a_file_that_every_build_makes_ends_no_build_for_ever` |
//! | saves by renaming or as Vim does it are missed; a save builds twice | `saves::a_program_runs_again_at_every_save_and_at_nothing_else` |
//! | the last edit during a build is lost | `saves::of_many_saves_the_last_one_runs`, `saves::a_build_that_a_newer_save_ends_is_not_the_last_one` |
//! | the loop dies at a build error, or at a trap without source | `saves::a_program_runs_again_at_every_save_and_at_nothing_else` |
//! | a change of the settings needs a restart; the project file goes | `saves::the_project_file_is_taken_over_by_its_meaning` |
//! | settings of this user alone are not seen | `choices::a_file_of_settings_of_this_user_comes_changes_and_goes` |
//! | 50,000 files; no watches left | `saves::a_folder_of_fifty_thousand_files_is_watched_at_rest`, `host::without_watches_files_are_looked_at` |
//! | a full disk | `host::a_full_disk_ends_no_loop`, `host::a_loop_that_cannot_begin_on_a_full_disk_says_so` |
//! | KVM that is missing, denied, or only looks as if it worked | `host::a_kvm_that_fails_is_done_without`, `host::a_kvm_that_is_denied_is_done_without_unless_it_was_asked_for` |
//! | QEMU's own words leak | `host::qemus_own_words_come_as_errors_of_ours` |
//! | damaged or removed caches | `saves::functions_are_kept_in_the_project_and_may_go_at_any_moment` |
//! | a compile error or a crash takes the running program down; requests fail; stale answers | `serving::requests_go_on_while_programs_come_and_fail` |
//! | a server that never comes up takes the old one's place; the old one goes on where it should not | `choices::a_program_that_does_not_open_its_port_in_time_gives_way_to_the_one_before`, `choices::an_error_ends_the_program_where_that_is_asked_for` |
//! | nothing is served, and nobody says why | `serving::without_a_program_requests_are_told_why` |
//! | a port in use; another port at each reload | `serving::a_port_in_use_is_told_with_its_holder_and_a_free_one`, `serving::requests_go_on_while_programs_come_and_fail` |
//! | two loops in one folder; leftover machines, builds and files | `ends::a_second_loop_in_a_folder_is_refused_and_a_killed_one_leaves_nothing`, `ends::a_killed_loop_takes_a_build_and_its_children_with_it` |
//! | Ctrl-C, Ctrl-Z, `fg` and Ctrl-\ mean something else; a broken terminal afterwards | `terminal::a_shell_stops_the_loop_and_has_its_terminal_meanwhile`, `terminal::every_way_out_gives_the_terminal_back` |
//! | logs without prefix and time; another size of the window | `terminal::lines_have_prefix_and_time_and_survive_another_size_of_the_window` |
//! | no answer to "how do I debug?" | `terminal::gdb_opens_on_a_crash_and_the_loop_goes_on_after_it`, `debugger` |
//! | the new program begins before the old one has ended | `debugger::of_several_machines_the_one_that_is_named_is_debugged` |
//! | a trap without its source | `debugger::gdb_comes_to_a_program_that_crashed_and_goes_without_a_word` |
//! | an unfinished file of a linker counts as a save; so does a core | `saves::what_a_build_makes_and_takes_away_is_no_save`, `debugger::of_several_machines_the_one_that_is_named_is_debugged` |
//! | a build that makes another file each time goes on for ever | `saves::a_build_that_makes_new_files_each_time_does_not_go_on_for_ever` |
//! | escapes in pipes, `NO_COLOR` and CI | `terminal::what_no_person_looks_at_is_plain` |
//! | words that break JSON | all: `session::Loop` takes every line apart |
//! | a runner that refuses the harness's arguments | `tests/testing.rs` |
//! | templates that want git or a network | `tests/new.rs` |
//! | a toolchain that is missing, and nobody says how to get it | `tests/doctor.rs` |
//! | imports that are missing without a hint | `tests/run.rs` |

#[path = "../client/mod.rs"]
mod client;
#[path = "../invoke/mod.rs"]
mod invoke;
#[path = "../tools/mod.rs"]
mod tools;

mod choices;
mod debugger;
mod ends;
mod host;
mod observing;
mod saves;
mod screen;
mod serving;
mod session;
mod terminal;
