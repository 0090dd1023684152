//! What every store must do: each case is a function over a bed, stamped for each database.
#![allow(clippy::unwrap_used, reason = "a test may: it fails")]

mod accounts;
mod alerts;
mod applications;
mod attribution;
mod audit;
mod bed;
mod compliance;
mod content;
mod find;
mod hot;
mod in_memory;
mod keys;
mod library;
mod messages;
mod people;
mod personal;
mod queue;
mod receipts;
mod recipients;
mod restore;
mod retention;
mod rotate;
mod series;
mod ties;
mod users;

/// Stamps the cases for SQLite.
macro_rules! suite {
    ($($module:ident { $($case:ident,)+ })+) => {
        mod sqlite {
            $($(
                #[tokio::test]
                async fn $case() {
                    crate::$module::$case(&crate::bed::Bed::sqlite().await).await;
                }
            )+)+
        }
    };
}

suite! {
    people {
        what_waits_for_one_who_left_does_not_go,
        what_is_over_names_nobody_when_it_is_revoked,
        one_who_left_and_was_erased_may_come_back,
        one_who_was_erased_for_good_is_named_by_no_list,
        one_who_came_back_is_named_where_they_are_suppressed_again,
        people_not_heard_of_are_forgotten_but_not_that_they_must_not_be_written_to,
        a_message_counts_as_on_time_or_late_once,
    }
    ties {
        a_trigger_joins_the_message_of_its_window,
        a_trigger_that_read_an_older_window_is_told_so,
        a_window_takes_so_many_triggers_and_no_more,
        what_left_the_schedule_is_not_written_anew,
        an_event_takes_back_what_waits_of_its_subject_once,
        an_event_that_came_first_takes_back_what_comes_after,
        what_ties_messages_goes_with_them,
        two_messages_of_one_content_name_each_other_until_the_later_one_goes,
    }
    alerts {
        a_rule_is_kept_changed_and_taken_back,
        a_channel_is_kept_sealed,
        a_channel_of_mail_is_kept_with_its_mailboxes_sealed,
        alerts_and_their_notes_are_kept_together,
        a_note_is_told_tried_again_or_given_up,
        an_alert_is_silenced_and_one_that_is_not_there_is_not,
        a_silence_that_was_ordered_since_an_alert_was_read_holds,
        when_wechat_last_called_is_kept_and_goes_with_the_account,
        a_webhook_that_was_changed_meanwhile_is_not_switched_off,
        the_end_of_a_message_is_logged_only_while_somebody_listens,
        a_webhook_goes_on_from_where_it_stood_and_is_set_back,
        a_webhook_is_kept_sealed_switched_off_and_deleted,
        the_log_of_what_ended_is_purged_and_its_numbers_go_on,
    }
    series {
        a_message_is_counted_at_each_of_its_steps,
        counters_read_the_same_before_and_after_they_are_folded,
        an_unknown_that_is_delivered_after_all_is_counted_once,
        an_errcode_is_counted_by_its_template,
        what_waits_is_counted_by_lane,
        what_the_retention_took_stays_counted,
        counters_of_old_minutes_go_and_those_of_days_stay,
        a_deleted_account_takes_its_counters_with_it,
        a_counter_that_differs_is_named,
        refusals_at_the_door_are_counted,
    }
    messages {
        an_accepted_message_reads_back_with_all_it_had,
        the_same_client_msg_id_answers_the_first_message,
        another_body_under_the_same_client_msg_id_is_a_conflict,
        what_is_made_of_a_body_makes_no_other_of_it,
        what_was_said_is_enough_to_be_known,
        the_same_client_msg_id_twice_in_one_batch_is_one_message,
        the_same_client_msg_id_in_two_accounts_is_two_messages,
        a_batch_with_an_unknown_account_is_refused_whole,
        a_client_msg_id_that_is_too_long_is_refused,
        a_batch_over_the_bound_is_refused,
        a_failing_command_takes_nothing_of_its_neighbours_with_it,
        a_sent_message_tells_its_timeline,
        a_try_whose_token_was_refused_is_told_and_counted_before_the_one_that_followed,
        a_settlement_from_elsewhere_is_stale_and_still_recorded,
        a_settlement_of_a_message_that_is_gone_is_stale,
        a_late_success_beats_unknown,
        a_settlement_repeated_is_recorded_once,
        a_retry_waits_with_its_attempt_counted,
        a_pending_message_is_cancelled,
        a_claimed_message_is_too_late_to_cancel,
        a_message_that_is_not_there_is_not_found,
        the_last_message_id_is_the_newest_of_all_accounts,
    }
    hot {
        what_a_claim_took_is_known_to_the_next_process,
        rows_follow_and_then_there_is_no_delta,
        the_newest_of_deltas_and_rows_holds,
        what_another_process_says_of_a_person_holds_for_the_next_claim,
        what_is_given_back_is_given_back_after_a_fold_too,
        of_an_erased_person_no_delta_is_left,
        one_written_to_lately_is_not_forgotten_for_an_old_row,
        an_account_takes_its_people_with_it,
        a_delta_that_is_cut_off_is_told_and_keeps_the_store_closed,
        nothing_of_an_erased_person_is_in_a_free_page,
        one_who_was_forgotten_is_forgotten_after_a_crash_too,
        a_row_from_before_the_packed_form_is_read_and_written_anew,
    }
    in_memory {
        what_memory_holds_is_in_no_queue_until_it_is_put_down,
        what_memory_holds_is_claimed_and_settled_like_any_other,
        who_does_not_own_the_store_holds_nothing_in_memory,
        the_next_owner_finds_in_the_queue_what_the_last_held_in_memory,
        what_is_shelved_until_it_is_due_leaves_memory,
        a_retry_goes_on_in_memory_and_one_that_waits_long_in_the_schedule,
        what_memory_is_wrong_about_is_found_in_the_queue,
        a_lane_begins_with_the_first_of_memory_and_queue,
    }
    queue {
        claims_without_ownership_are_fenced,
        a_claim_under_a_newer_epoch_is_fenced,
        an_owner_that_was_replaced_finds_out,
        a_lock_file_that_was_deleted_is_made_anew,
        an_owner_keeps_out_whoever_comes_by_another_name,
        a_second_owner_is_refused_until_the_first_is_gone,
        every_owner_has_a_later_epoch_even_when_the_clock_steps_back,
        a_claim_leaves_out_what_was_cancelled,
        a_claim_that_would_hold_nothing_is_not_kept,
        ready_messages_come_by_deadline_and_then_by_id,
        ready_pages_go_on_where_the_last_ended,
        claimed_messages_are_not_ready,
        a_message_answered_with_retry_is_ready_while_its_batch_is_still_claimed,
        scheduled_messages_are_not_ready_until_promoted,
        what_is_shelved_waits_in_the_schedule,
        promotion_is_bounded_and_in_order,
        the_backlog_names_account_and_lane_once,
        an_open_claim_gives_back_what_was_not_answered,
        a_closed_claim_is_gone,
        expired_messages_are_found_and_others_are_not,
        sent_messages_without_a_receipt_are_unreported,
        damaged_rows_are_passed_over_and_counted_once,
        a_damaged_row_leaves_the_schedule_and_holds_up_nobody,
        a_damaged_row_in_an_open_claim_keeps_no_owner_from_starting,
        a_claim_leaves_out_a_copy_from_before_a_try,
        the_last_time_seen_is_kept_and_never_an_earlier_one,
    }
    compliance {
        counts_add_up_and_judged_lines_are_counted_with_them,
        a_blocked_message_joins_the_nearest_send_once,
        blocked_messages_are_paged_and_filtered,
        a_complaint_finds_its_message_counts_once_and_is_heeded,
        who_leaves_or_opts_out_counts_against_the_last_message_of_a_day,
        what_was_planned_far_ahead_is_blamed_blocked_and_looked_at_too,
        a_day_is_paged_from_what_was_planned_to_what_was_not,
        a_brake_is_pulled_once_released_once_and_both_change_the_revision,
        what_a_brake_holds_waits_and_is_woken,
        what_is_held_after_the_first_waking_is_woken_too,
        a_brake_pulled_again_keeps_what_the_one_before_held,
        a_day_is_looked_at_page_by_page_and_its_report_is_kept,
        compliance_is_purged_by_age_and_erased_by_person,
    }
    recipients {
        of_one_never_heard_of_nothing_is_known,
        an_interaction_opens_its_window_and_the_first_of_an_account_is_noticed,
        the_same_text_that_leads_to_another_page_is_no_repetition,
        a_message_that_proves_something_makes_the_first_of_an_account_known_too,
        who_leaves_is_suppressed_until_they_are_seen_again,
        the_suppression_list_is_paged_and_lifted,
        a_claim_lets_three_of_ten_through_on_a_day_of_three,
        claims_at_the_same_time_take_no_more_than_there_is,
        what_a_refused_send_took_is_given_back_with_its_settlement,
        an_open_claim_tells_what_it_took,
        a_receipt_of_a_block_puts_its_person_on_the_list,
        policies_come_general_first_and_an_empty_change_takes_one_away,
        scenarios_keep_every_text,
    }
    content {
        word_lists_are_kept_and_the_newest_of_an_account_is_in_force,
        the_last_ten_lists_of_an_account_are_kept,
        what_is_approved_is_due_when_it_was_and_its_words_are_not_asked_again,
        what_is_approved_late_is_ready_at_once,
        what_is_rejected_is_suppressed_and_what_ends_otherwise_lapses,
        approvals_are_listed_by_state_and_page_and_found_alike,
        a_claim_holds_words_for_a_person_and_refuses_them,
        taps_are_counted_by_message_and_in_all,
        a_link_whose_message_was_given_up_and_then_reported_is_sent_once,
        an_erased_persons_taps_are_gone_and_stay_counted,
    }
    receipts {
        a_receipt_by_msgid_delivers,
        a_receipt_of_a_block_fails_the_message,
        a_receipt_before_the_answer_closes_the_message_with_it,
        a_doubled_receipt_changes_nothing,
        a_receipt_of_an_unknown_message_stays_open,
        a_receipt_without_msgid_takes_the_nearest_send,
        a_receipt_without_msgid_does_not_reach_back_beyond_an_hour,
        a_receipt_without_msgid_before_the_answer_closes_the_message_with_it,
        a_receipt_of_another_person_does_not_match,
        a_receipt_after_no_receipt_delivers_after_all,
        a_receipt_of_a_given_up_message_is_found_by_its_recipient,
        a_message_given_up_finds_the_receipt_that_waited,
        an_undocumented_status_is_kept_as_it_was_spelled,
        a_msgid_of_64_bits_survives,
        a_receipt_of_an_unknown_account_is_refused,
    }
    attribution {
        a_receipt_of_a_message_held_for_review_is_found_by_its_recipient,
        a_message_found_by_its_recipient_takes_the_number_of_the_receipt,
        a_receipt_with_a_number_is_not_of_a_send_that_has_another,
        of_two_sends_without_a_number_the_nearest_takes_the_receipt,
        a_receipt_without_a_number_finds_a_message_that_had_waited_for_days,
        of_a_message_that_had_waited_and_one_that_had_not_the_nearest_send_takes_the_receipt,
        a_number_that_two_people_have_settles_the_message_of_the_one_who_is_named,
        a_receipt_of_somebody_else_under_the_number_of_an_answer_is_not_of_its_message,
        a_repeat_that_wechat_knew_takes_the_receipt_that_came_before_its_answer,
        a_receipt_that_an_answer_may_still_name_waits_for_it,
        a_receipt_that_the_answer_did_not_name_settles_the_message_held_for_review,
        a_message_that_waits_for_its_first_turn_keeps_no_receipt_from_another,
        a_message_given_up_leaves_the_receipt_to_the_one_that_wechat_took,
        of_two_messages_given_up_neither_takes_a_receipt_that_waited,
        a_receipt_without_msgid_goes_to_what_wechat_took_before_what_is_in_doubt,
        a_receipt_without_msgid_settles_a_message_in_doubt_that_is_alone,
        a_receipt_without_msgid_settles_neither_of_two_messages_in_doubt,
        a_receipt_without_msgid_leaves_a_doubt_alone_while_another_is_on_its_way,
        a_receipt_that_waited_for_another_message_is_judged_again,
    }
    accounts {
        an_account_reads_back_with_its_secrets,
        an_account_with_unusable_fields_is_not_put_in,
        an_account_that_cannot_be_read_is_left_out_and_can_be_deleted,
        putting_an_account_again_keeps_its_number,
        a_deleted_account_is_gone_with_all_it_had,
        accepting_for_a_deleted_account_is_refused,
        a_token_reads_back,
        a_token_goes_with_the_secret_or_the_source_it_was_fetched_with,
        a_sync_tells_what_changed,
        a_template_that_comes_back_keeps_counting_its_versions,
        the_revision_grows_with_accounts_templates_and_keys,
        what_an_old_data_key_sealed_stays_readable,
    }
    applications {
        an_application_reads_back_with_every_state_it_entered,
        a_changed_application_is_a_draft_again_with_the_new_body,
        what_is_not_possible_changes_nothing,
        three_submits_fill_a_month_of_one_account_even_at_once,
        applications_are_listed_from_the_newest_by_state_and_page,
        an_application_over_its_bounds_is_refused,
        the_last_change_of_the_industries_is_kept,
    }
    library {
        a_sync_notes_what_others_did_and_the_first_one_nothing,
        what_we_did_ourselves_is_not_noted,
        a_template_keeps_every_text_and_is_remembered_when_it_is_gone,
        a_grant_outlives_a_sync_and_is_taken_back,
        messages_are_counted_by_template_and_day,
        a_deleted_account_takes_its_notices_grants_and_applications_along,
    }
    keys {
        a_key_is_found_by_its_text_and_by_no_other,
        a_key_with_unusable_fields_is_not_put_in,
        a_revoked_key_is_not_live,
        a_key_past_its_time_is_not_live,
        a_key_remembers_its_last_use,
        a_key_for_a_deleted_account_does_not_become_one_for_all,
        a_setup_secret_works_once,
        a_setup_secret_ends_after_a_day,
        a_new_setup_secret_ends_the_one_before,
    }
    audit {
        every_change_is_written_down_with_who_did_it_and_from_where,
        a_change_that_changes_nothing_writes_nothing,
        a_change_that_is_refused_writes_nothing,
        the_audit_holds_no_secret,
        a_pause_and_a_change_are_told_apart,
        no_row_is_changed_deleted_or_replaced_by_a_statement,
        a_whole_chain_is_found_whole,
        any_column_that_was_edited_is_named_by_its_row,
        a_row_removed_from_the_middle_or_the_beginning_is_named,
        a_cut_end_is_named_even_when_the_head_was_set_back,
        what_is_done_after_a_cut_does_not_hide_it,
        pages_of_the_audit_go_through_everything_once,
        each_filter_of_the_audit_finds_its_own,
        old_rows_go_and_the_rest_stays_a_whole_chain,
        a_broken_chain_is_not_purged,
    }
    find {
        each_filter_finds_its_own,
        pages_go_through_everything_once,
        a_search_through_all_accounts_goes_on_in_the_next,
        a_claimed_message_is_found_as_claimed_and_not_as_pending,
        until_passes_over_what_is_newer,
        a_message_is_found_by_wechats_number_after_its_receipt_as_well,
        hours_without_anything_of_the_kind_are_passed_over,
        few_that_wait_are_found_behind_many_that_do_not,
        a_search_for_a_person_goes_through_the_hours,
        a_foreign_cursor_is_refused,
        a_limit_over_the_bound_is_refused,
    }
    personal {
        an_export_holds_messages_with_their_timelines_and_receipts_without_a_message,
        an_export_tells_what_is_known_of_the_person,
        an_erased_person_is_not_written_to_again,
        a_block_told_after_the_erasure_is_nobodys,
        an_export_goes_on_page_by_page,
        export_and_erasure_are_audited_without_the_openid,
        an_erased_message_is_a_row_that_names_nobody_and_still_counts,
        what_wechat_said_of_an_erased_message_is_gone,
        an_erasure_cancels_what_waits,
        what_is_on_its_way_is_erased_once_it_is_settled,
        what_may_have_gone_and_goes_again_is_not_cut_off,
        nobody_else_is_erased,
        an_erasure_goes_through_hours_and_batches,
        a_receipt_after_the_erasure_settles_the_message_and_brings_nobody_back,
        the_same_call_after_an_erasure_still_sends_nothing,
        an_erased_message_is_purged_like_any_other,
    }
    retention {
        purge_takes_what_is_final_and_old_and_nothing_else,
        purge_archives_before_it_deletes,
        purge_archives_into_a_folder_as_well,
        purge_and_the_unreported_pass_over_a_damaged_row,
        purge_passes_over_live_rows,
        purge_keeps_the_counters,
        purge_takes_receipts_that_never_found_a_message,
        the_tally_says_where_messages_stand,
        a_tally_that_is_wrong_is_found,
        sends_are_counted_on_the_day_they_went,
        a_backup_opens_and_holds_everything,
        a_backup_does_not_overwrite,
        a_new_master_key_opens_and_the_old_one_does_not,
    }    restore {
        a_hold_stays_until_it_is_released,
        a_restored_backup_is_held_and_holds_everything,
        a_backup_is_not_touched_by_being_restored,
        a_database_that_is_there_stays_or_is_set_aside,
        a_database_in_use_is_not_replaced,
        what_is_no_whole_backup_of_ours_leaves_nothing_behind,
    }
    rotate {
        a_new_key_seals_at_once_in_every_process,
        a_batch_over_several_accounts_is_sealed_by_the_new_keys_of_each,
        people_are_sealed_by_the_new_key_in_every_process,
        everything_is_sealed_anew_and_the_old_key_dropped,
        a_resealing_that_was_cut_off_leaves_all_readable_and_goes_on,
        a_key_made_while_the_last_is_being_put_in_force_takes_its_place,
        what_was_erased_is_not_sealed_anew,
        an_account_deleted_meanwhile_ends_its_resealing,
        a_new_key_that_cannot_be_written_changes_nothing,
        a_master_key_that_cannot_be_put_in_place_leaves_the_old_one,
        a_process_with_the_master_key_of_before_goes_on_with_what_it_knows,
    }
    users {
        a_user_is_found_by_their_name_and_a_name_is_given_once,
        the_last_admin_stays,
        a_session_is_found_by_its_token_until_it_ends,
        a_step_of_the_second_factor_is_used_once,
        a_change_of_rights_ends_the_other_sessions,
    }
}
