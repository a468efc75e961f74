/*
 * snmp.h - protocol counters, under the names nstat prints.
 *
 * One table makes the enumerator MIB_<name>, the slot in net->mib[] and the printed name. RFC 4293, 4022,
 * 4113 for the standard ones, Linux's TcpExt for the others.
 */
#ifndef NET_CORE_SNMP_H
#define NET_CORE_SNMP_H

#define MIB_COUNTERS(X)                                                                                      \
    X(IpInReceives)                                                                                          \
    X(IpInHdrErrors)                                                                                         \
    X(IpInAddrErrors)                                                                                        \
    X(IpForwDatagrams)                                                                                       \
    X(IpInUnknownProtos)                                                                                     \
    X(IpInDiscards)                                                                                          \
    X(IpInDelivers)                                                                                          \
    X(IpOutRequests)                                                                                         \
    X(IpOutDiscards)                                                                                         \
    X(IpOutNoRoutes)                                                                                         \
    X(IpReasmTimeout)                                                                                        \
    X(IpReasmReqds)                                                                                          \
    X(IpReasmOKs)                                                                                            \
    X(IpReasmFails)                                                                                          \
    X(IpFragOKs)                                                                                             \
    X(IpFragFails)                                                                                           \
    X(IpFragCreates)                                                                                         \
    X(IpExtInOctets)                                                                                         \
    X(IpExtOutOctets)                                                                                        \
    X(IpExtInBcastPkts)                                                                                      \
    X(IpExtInMcastPkts)                                                                                      \
    X(IpExtInCsumErrors)                                                                                     \
    X(IpExtInTruncatedPkts)                                                                                  \
    X(IpExtInNoRoutes)                                                                                       \
    X(IpExtInNoECTPkts)                                                                                      \
    X(IpExtInECT1Pkts)                                                                                       \
    X(IpExtInECT0Pkts)                                                                                       \
    X(IpExtInCEPkts)                                                                                         \
    X(IpExtReasmOverlaps)                                                                                    \
    X(IcmpInMsgs)                                                                                            \
    X(IcmpInErrors)                                                                                          \
    X(IcmpInCsumErrors)                                                                                      \
    X(IcmpInDestUnreachs)                                                                                    \
    X(IcmpInTimeExcds)                                                                                       \
    X(IcmpInParmProbs)                                                                                       \
    X(IcmpInRedirects)                                                                                       \
    X(IcmpInEchos)                                                                                           \
    X(IcmpInTimestamps)                                                                                      \
    X(IcmpInTimestampReps)                                                                                   \
    X(IcmpInEchoReps)                                                                                        \
    X(IcmpOutMsgs)                                                                                           \
    X(IcmpOutErrors)                                                                                         \
    X(IcmpOutRateLimitGlobal)                                                                                \
    X(IcmpOutRateLimitHost)                                                                                  \
    X(IcmpOutDestUnreachs)                                                                                   \
    X(IcmpOutTimeExcds)                                                                                      \
    X(IcmpOutParmProbs)                                                                                      \
    X(IcmpOutRedirects)                                                                                      \
    X(IcmpOutEchos)                                                                                          \
    X(IcmpOutTimestamps)                                                                                     \
    X(IcmpOutTimestampReps)                                                                                  \
    X(IcmpOutEchoReps)                                                                                       \
    X(UdpInDatagrams)                                                                                        \
    X(UdpNoPorts)                                                                                            \
    X(UdpInErrors)                                                                                           \
    X(UdpOutDatagrams)                                                                                       \
    X(UdpRcvbufErrors)                                                                                       \
    X(UdpInCsumErrors)                                                                                       \
    X(TcpActiveOpens)                                                                                        \
    X(TcpPassiveOpens)                                                                                       \
    X(TcpAttemptFails)                                                                                       \
    X(TcpEstabResets)                                                                                        \
    X(TcpCurrEstab)                                                                                          \
    X(TcpInSegs)                                                                                             \
    X(TcpOutSegs)                                                                                            \
    X(TcpRetransSegs)                                                                                        \
    X(TcpInErrs)                                                                                             \
    X(TcpOutRsts)                                                                                            \
    X(TcpInCsumErrors)                                                                                       \
    X(TcpExtSyncookiesSent)                                                                                  \
    X(TcpExtSyncookiesRecv)                                                                                  \
    X(TcpExtSyncookiesFailed)                                                                                \
    X(TcpExtIPReversePathFilter)                                                                             \
    X(TcpExtEmbryonicRsts)                                                                                   \
    X(TcpExtPruneCalled)                                                                                     \
    X(TcpExtRcvPruned)                                                                                       \
    X(TcpExtOfoPruned)                                                                                       \
    X(TcpExtOutOfWindowIcmps)                                                                                \
    X(TcpExtTW)                                                                                              \
    X(TcpExtTWRecycled)                                                                                      \
    X(TcpExtPAWSEstab)                                                                                       \
    X(TcpExtDelayedACKs)                                                                                     \
    X(TcpExtDelayedACKLost)                                                                                  \
    X(TcpExtListenOverflows)                                                                                 \
    X(TcpExtListenDrops)                                                                                     \
    X(TcpExtTCPHPHits)                                                                                       \
    X(TcpExtTCPPureAcks)                                                                                     \
    X(TcpExtTCPHPAcks)                                                                                       \
    X(TcpExtTCPLostRetransmit)                                                                               \
    X(TcpExtTCPFastRetrans)                                                                                  \
    X(TcpExtTCPSlowStartRetrans)                                                                             \
    X(TcpExtTCPTimeouts)                                                                                     \
    X(TcpExtTCPAbortOnData)                                                                                  \
    X(TcpExtTCPAbortOnClose)                                                                                 \
    X(TcpExtTCPAbortOnMemory)                                                                                \
    X(TcpExtTCPAbortOnTimeout)                                                                               \
    X(TcpExtTCPAbortOnLinger)                                                                                \
    X(TcpExtTCPAbortFailed)                                                                                  \
    X(TcpExtTCPTimeWaitOverflow)                                                                             \
    X(TcpExtTCPWqueueTooBig)                                                                                 \
    X(TcpExtTCPRcvCollapsed)                                                                                 \
    X(TcpExtTCPMemoryPressures)                                                                              \
    X(TcpExtTCPMemoryPressuresChrono)                                                                        \
    X(TcpExtTCPRcvCoalesce)                                                                                  \
    X(TcpExtTCPOFOQueue)                                                                                     \
    X(TcpExtTCPOFODrop)                                                                                      \
    X(TcpExtTCPOFOMerge)                                                                                     \
    X(TcpExtTCPChallengeACK)                                                                                 \
    X(TcpExtTCPSYNChallenge)                                                                                 \
    X(TcpExtTCPWinProbe)                                                                                     \
    X(TcpExtTCPKeepAlive)                                                                                    \
    X(TcpExtTCPZeroWindowDrop)                                                                               \
    X(TcpExtTCPToZeroWindowAdv)                                                                              \
    X(TcpExtTCPFromZeroWindowAdv)                                                                            \
    X(TcpExtTCPWantZeroWindowAdv)                                                                            \
    X(TcpExtTCPOrigDataSent)                                                                                 \
    X(TcpExtTCPReqQFullDoCookies)                                                                            \
    X(TcpExtTCPReqQFullDrop)                                                                                 \
    X(TcpExtTCPRetransFail)                                                                                  \
    X(TcpExtTCPACKSkippedSynRecv)                                                                            \
    X(TcpExtTCPACKSkippedPAWS)                                                                               \
    X(TcpExtTCPACKSkippedSeq)                                                                                \
    X(TcpExtTCPACKSkippedFinWait2)                                                                           \
    X(TcpExtTCPACKSkippedTimeWait)                                                                           \
    X(TcpExtTCPACKSkippedChallenge)                                                                          \
    X(TcpExtTCPMinTTLDrop)                                                                                   \
    X(TcpExtTCPDeferAcceptDrop)                                                                              \
    X(TcpExtTCPSpuriousRTOs)                                                                                 \
    X(TcpExtTCPRcvQDrop)                                                                                     \
    X(TcpExtTCPDSACKOldSent)                                                                                 \
    X(TcpExtTCPDSACKOfoSent)                                                                                 \
    X(TcpExtTCPDSACKRecv)                                                                                    \
    X(TcpExtTCPDSACKIgnoredDubious)                                                                          \
    X(TcpExtTCPSACKDiscard)                                                                                  \
    X(TcpExtTCPSACKReneging)                                                                                 \
    X(TcpExtTCPSackRecovery)                                                                                 \
    X(TcpExtTCPSACKReorder)                                                                                  \
    X(TcpExtTCPLossProbes)                                                                                   \
    X(TcpExtTCPLossProbeRecovery)                                                                            \
    X(TcpExtTCPFastOpenPassive)                                                                              \
    X(TcpExtTCPFastOpenPassiveFail)                                                                          \
    X(TcpExtTCPFastOpenPassiveAltKey)                                                                        \
    X(TcpExtTCPFastOpenListenOverflow)                                                                       \
    X(TcpExtTCPFastOpenCookieReqd)                                                                           \
    X(TcpExtTCPFullUndo)                                                                                     \
    X(TcpExtTCPDSACKUndo)                                                                                    \
    X(TcpExtTCPLossUndo)                                                                                     \
    X(TcpExtTCPDeliveredCE)                                                                                  \
    X(TcpExtTCPMTUPFail)                                                                                     \
    X(TcpExtTCPMTUPSuccess)                                                                                  \
    X(ArpRequestsSent)                                                                                       \
    X(ArpRepliesSent)                                                                                        \
    X(ArpRequestsReceived)                                                                                   \
    X(ArpRepliesReceived)                                                                                    \
    X(ArpConflicts)                                                                                          \
    X(NeighTableFull)                                                                                        \
    X(NeighEvicted)                                                                                          \
    X(BridgeFdbEvicted)                                                                                      \
    X(BridgeFdbMoved)                                                                                        \
    X(BridgeBpdusReceived)                                                                                   \
    X(BridgeBpdusSent)                                                                                       \
    X(BridgeTopologyChanges)

enum mib_counter {
#define X(name) MIB_##name,
    MIB_COUNTERS(X)
#undef X
        MIB_MAX
};

const char *mib_name(enum mib_counter counter);

#define NET_INC_STATS(net, name)    ((void)(net)->mib[MIB_##name]++)
#define NET_ADD_STATS(net, name, n) ((void)((net)->mib[MIB_##name] += (uint64_t)(n)))

#endif
